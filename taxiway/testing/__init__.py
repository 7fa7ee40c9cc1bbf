"""Tests that come with the template, for any model: of its data, features, model and pipeline."""
