"""Writes the files of a model, so that the formatter and the linter have nothing to say."""
