"""What serving holds: the gateway beside plain FastAPI, and what its users notice of accidents."""
