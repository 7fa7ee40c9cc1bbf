"""What `taxiway new` writes: model folders, components, projects; and what `doctor` looks at."""
