"""Makes Parquet of segments, each exactly once, in a process of its own."""
