"""What came of decisions: recorded by request id, and joined to them."""
