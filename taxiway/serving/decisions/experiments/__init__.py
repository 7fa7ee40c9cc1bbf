"""What the log says of experiments: their requests and rewards, and what they have shown."""
