"""How the values of trials are chosen: what may be tried, and in which order."""
