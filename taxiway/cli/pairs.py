"""`key=value`, as people give fields and tags on the command line."""

from __future__ import annotations

from collections.abc import Sequence

from taxiway.errors import ConfigError


def pairs_of(texts: Sequence[str], option: str) -> dict[str, str]:
    """Values by key, each whatever follows the first `=`.

    Raises:
      ConfigError: one has no `=`.
    """
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"expected key=value, got '{text}'", edit=option)
        found[key.strip()] = value
    return found
