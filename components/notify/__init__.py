"""Notify: tells the outside how a run ended."""
