"""The write-ahead log: segments, the thread that writes them, what a kill leaves."""
