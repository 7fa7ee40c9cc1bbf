"""BulkInferrer's arrow engine: examples through a model in large batches, Parquet out."""
