"""Policies that look at the request: what an arm is worth depends on its columns."""
