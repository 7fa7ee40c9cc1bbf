"""What a run shows on a terminal, and where the rest of its output goes."""
