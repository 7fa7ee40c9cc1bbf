"""What came of decisions, joined to them as it comes; the decision log stays the truth."""
