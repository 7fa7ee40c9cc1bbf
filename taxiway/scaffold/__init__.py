"""What `taxiway new` writes: model folders, components, whole projects; and what `doctor` looks at."""
