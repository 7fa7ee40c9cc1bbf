"""A registry with tokens, as the gateway's tests have it."""

from tests.taxiway.serving.gateway.conftest import registry, token

__all__ = ["registry", "token"]
