"""The model worker, and later the gateway and the delivery policies."""
