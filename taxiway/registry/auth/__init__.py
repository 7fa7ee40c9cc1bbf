"""Who acts on the registry, and what each role may do."""
