"""What `taxiway new project` writes and `taxiway upgrade` renews: a project that uses the package."""
