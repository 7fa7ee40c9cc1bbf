"""One folder a model: what is learned, and from which columns."""
