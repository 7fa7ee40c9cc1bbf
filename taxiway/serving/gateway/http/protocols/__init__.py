"""What each protocol says in its paths, documents and errors."""
