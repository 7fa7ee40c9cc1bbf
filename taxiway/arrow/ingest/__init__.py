"""Input spans, CSV or Parquet, to examples."""
