"""The model worker: one process, one SavedModel, one socket."""
