"""Views of runs: the list, one, several beside one another, and a run's report."""
