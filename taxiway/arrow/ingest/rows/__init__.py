"""Cells of a file to rows of examples: which columns, which label and which key a row has."""
