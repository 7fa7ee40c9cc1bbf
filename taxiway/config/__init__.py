"""What a run is: the frozen models that read YAML, one file per section, and the loader."""
