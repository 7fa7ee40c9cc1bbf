"""Which version answers: a table in the registry, which commands move and requests read."""
