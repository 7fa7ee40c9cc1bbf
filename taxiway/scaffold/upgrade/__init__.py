"""What `taxiway upgrade` does: merges the difference of two templates into a project."""
