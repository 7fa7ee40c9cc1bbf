"""What `taxiway new model` does: looks at data, decides what is what, writes a model's folder."""
