"""What came of decisions: as it is posted, and joined to them."""
