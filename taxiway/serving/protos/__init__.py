"""The messages of gRPC's protocols, without TensorFlow; `make protos` renews descriptors.binpb."""
