"""ModelManifest: the sha256 of each file of a model, as a container component."""
