"""What `taxiway new component` and `taxiway remove component` write, change and take away."""
