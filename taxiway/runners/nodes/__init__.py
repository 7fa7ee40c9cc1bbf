"""What all runners share: the compiled node, its launch, its events and its end."""
