"""A rollout: its steps, the state it is in, and what moves it on."""
