"""One folder per model: what is learned, and from which columns."""
