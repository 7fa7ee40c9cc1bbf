"""`taxiway new model`: looks at a data set, decides what is what, and writes a model's folder."""
