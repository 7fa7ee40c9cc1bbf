"""Reads what was given: which files, how they are written, their cells, and where they go."""
