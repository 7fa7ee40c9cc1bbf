"""Registrar: gives a pushed model its version and writes the record."""
