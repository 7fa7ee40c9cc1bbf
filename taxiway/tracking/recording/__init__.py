"""Collects what goes on record of a run: some at its start, the rest at its end."""
