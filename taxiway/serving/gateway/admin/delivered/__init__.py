"""What it tells of rollouts and experiments, as the registry has them."""
