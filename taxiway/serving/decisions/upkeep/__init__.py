"""What became of what the log took, what it has, and how long."""
