"""A lineage to read: trees of text, and plain values for JSON."""
