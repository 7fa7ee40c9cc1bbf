"""StatisticsGen: TFDV's own generators, fed with large batches and merged over shards."""
