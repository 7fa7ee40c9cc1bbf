"""The audit: every change of the registry in one hash-chained table."""
