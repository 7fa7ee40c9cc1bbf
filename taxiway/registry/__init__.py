"""What was learned and what became of it: metadata queries, model versions, the deploy queue."""
