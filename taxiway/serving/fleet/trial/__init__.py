"""What a version has to pass before it may have traffic."""
