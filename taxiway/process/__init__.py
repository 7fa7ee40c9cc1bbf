"""This Python process: what it imports, which code it runs, how it uses memory."""
