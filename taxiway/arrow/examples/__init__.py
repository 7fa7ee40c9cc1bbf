"""Reading and writing shards of tf.Examples, whole batches at a time."""
