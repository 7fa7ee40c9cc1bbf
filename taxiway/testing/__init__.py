"""Tests that come with the template, of any model's data, features, model and pipeline."""
