"""Runners: one TFX pipeline object, many places to run it."""
