"""Serving: model workers, and the gateway before them."""
