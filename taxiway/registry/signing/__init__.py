"""Signing of pushed models: the kinds, and the program that signs and verifies."""
