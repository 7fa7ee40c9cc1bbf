"""Finding versions: search, tags, notes, aliases and model cards."""
