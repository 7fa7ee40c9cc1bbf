"""Routes: which versions have how much of the traffic, who moved it, and who has taken it up."""
