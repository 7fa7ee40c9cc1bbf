"""Who may ask a port of ours: TLS, bearer tokens, and why a request is refused."""
