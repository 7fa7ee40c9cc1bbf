"""What runs in one task's container."""
