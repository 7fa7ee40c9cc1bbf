"""Traffic moves by evidence: rollouts, experiments, bandits, and the statistics they rest on."""
