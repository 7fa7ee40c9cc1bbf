"""From segments of the write-ahead log to Parquet files, in a process of its own."""
