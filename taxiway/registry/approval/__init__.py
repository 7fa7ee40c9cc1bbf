"""Approval of versions: policies, states and environments."""
