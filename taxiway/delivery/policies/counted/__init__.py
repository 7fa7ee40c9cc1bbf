"""Policies that choose alike for every request, by sums of each arm's rewards."""
