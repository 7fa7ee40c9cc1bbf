"""How a model learns: transformed rows in, a trained network and its SavedModel out."""
