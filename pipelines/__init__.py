"""Wiring only: the pipelines, the runners that run them, and the command line."""
