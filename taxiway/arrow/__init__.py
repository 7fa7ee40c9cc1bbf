"""The arrow engine: heavy steps in vectorised batches, a map over shards and a merge."""
