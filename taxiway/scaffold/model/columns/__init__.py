"""Looks at one column at a time: what its cells are, and what has to be written anew."""
