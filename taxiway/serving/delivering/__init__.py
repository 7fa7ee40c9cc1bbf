"""Delivery in a gateway: what it measures, what it is told came of it, and who moves traffic on."""
