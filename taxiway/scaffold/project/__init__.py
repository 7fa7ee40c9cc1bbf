"""What `taxiway new project` writes: a project of its own, which uses Taxiway as a package."""
