"""Lineage: what a version, a span, a schema or a commit was made of, and what was made of it."""
