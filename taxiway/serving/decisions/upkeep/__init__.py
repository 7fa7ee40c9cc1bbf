"""What became of each record, what the log has, and how long."""
