"""The write-ahead log: what a gateway puts on disk at once, and what is found after a kill."""
