"""What answers for one version: a kind per file, and the batches it is asked in."""
