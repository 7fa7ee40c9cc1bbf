"""What differs between runs that can matter, and what came of it; pure, from their records."""
