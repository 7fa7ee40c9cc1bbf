"""What Taxiway itself knows of models: their versions, and the queue of what is to be deployed."""
