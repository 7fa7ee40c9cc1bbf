"""The gateway's port of gRPC: TensorFlow Serving's services, the Open Inference Protocol's, health."""
