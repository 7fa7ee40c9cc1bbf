"""The process that users ask: its ports, its protocols, and what it tells of itself."""
