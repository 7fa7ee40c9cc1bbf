"""The Evaluator's config from ours, and its results back as plain numbers."""
