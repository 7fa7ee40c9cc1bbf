"""What one asks to have removed: rows of a person, in every place of the log."""
