"""Deployment: the queue, the deployer, and the history of what served."""
