"""What a run is: YAML that people edit, and the frozen models that read it."""
