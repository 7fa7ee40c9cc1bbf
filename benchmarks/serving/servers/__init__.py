"""What the gateway is compared with: the same model behind other servers."""
