"""Model versions: candidates, the styles of numbering, the records."""
