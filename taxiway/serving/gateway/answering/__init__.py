"""A request on its way to an answer: which version, in which call, and another on failure."""
