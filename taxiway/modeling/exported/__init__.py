"""The SavedModel: its signatures, what may be in one, and how it is loaded and asked."""
