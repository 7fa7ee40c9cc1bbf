"""The log of what was asked and answered: never lost silently, laid out as spans."""
