"""Sections of the report: each a function from what is known of a run to plain values."""
