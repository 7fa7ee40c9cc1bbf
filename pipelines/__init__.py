"""Wiring only: each module here is a pipeline, found by its name."""
