"""A run again, from its record: what differs now, the same code and data, is it equal."""
