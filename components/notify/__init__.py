"""Notify: sends out how a run ended."""
