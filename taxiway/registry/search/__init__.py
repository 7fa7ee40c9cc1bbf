"""Searching by a filter: the language, its comparisons, how text is compared."""
