"""Experiments between versions: records, effects, and the recommendation."""
