"""A model folder with a column of every role, and the rows that try them."""
