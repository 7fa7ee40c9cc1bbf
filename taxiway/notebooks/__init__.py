"""What notebooks call: a line or two per cell, all of it the project's own functions."""
