"""MLflow as a mirror: runs and versions go there by the outbox, and nothing is read from it."""
