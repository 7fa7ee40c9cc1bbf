"""What all model folders share: feature spec, preprocessing, network, training, signatures."""
