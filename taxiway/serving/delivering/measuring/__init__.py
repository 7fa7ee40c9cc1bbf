"""What a gateway measures of each version: counts of its own requests."""
