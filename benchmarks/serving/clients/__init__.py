"""Clients that ask one row each as fast as they are answered, over HTTP/1.1 and gRPC."""
