"""Views of the catalog: all models, one, a version, and what is decided on it."""
