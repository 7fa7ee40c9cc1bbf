"""What moves traffic on in a gateway, one gateway at a time: rollouts, and what starts them."""
