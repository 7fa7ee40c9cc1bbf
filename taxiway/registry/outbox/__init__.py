"""The outbox: what leaves for another system is a row first, and sent at least once."""
