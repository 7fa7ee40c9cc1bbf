"""What is counted of each request, and how monitoring systems read it."""
