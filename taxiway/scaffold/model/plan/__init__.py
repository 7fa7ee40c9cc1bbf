"""Decides what is predicted, from what, and what is left out, each with its reason."""
