"""Whether a version is better, worse or not known to be either: verdicts from evidence."""
