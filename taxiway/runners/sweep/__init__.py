"""Sweeps: one run after the other, each with other values of some keys of the config."""
