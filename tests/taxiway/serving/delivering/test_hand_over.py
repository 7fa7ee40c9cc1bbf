"""What the deploy queue brings begins a rollout: in the change that closes its entry, or not at all."""
