"""DistributionValidator: the stock component, on numbers that stand in the same bins."""
