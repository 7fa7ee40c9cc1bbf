"""The operators' port: health, metrics, status, and the moves of traffic."""
