"""What is learned: feature spec, preprocessing, network, training, signatures."""
