"""What the operators' port tells of rollouts and experiments, as the registry has them."""
