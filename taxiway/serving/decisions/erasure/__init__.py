"""Removes a person's rows from every place of the log."""
