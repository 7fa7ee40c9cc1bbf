"""ML Metadata: the connection and every query that Taxiway needs."""
