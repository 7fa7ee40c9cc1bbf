"""What an experiment has shown, and what is to be done: pure functions of what was logged."""
