"""Who may ask: TLS and bearer tokens, the same for HTTP and for gRPC."""
