"""What a run is: the frozen models that read YAML, one file a section, and the loader."""
