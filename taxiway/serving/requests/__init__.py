"""What every protocol asks and is answered, and why it may be refused."""
