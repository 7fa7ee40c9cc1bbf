"""Which arm a request goes to, and what is learnt from rewards: one file per policy."""
