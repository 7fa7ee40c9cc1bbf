"""Packages that only some projects need: extras of `taxiway`, named when one is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from taxiway.errors import ConfigError


@contextmanager
def needs(extra: str, package: str, what: str) -> Iterator[None]:
    """Within it, `package` is imported.

    Args:
      extra: of `taxiway` in pyproject.toml, which brings the package.
      package: the top-level package.
      what: what wants it, such as a command or a key of the config.

    Raises:
      ConfigError: it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        raise ConfigError(
            f"{what} needs the package '{package}', which is not installed here",
            edit=f"the project's dependencies: taxiway[{extra}]",
        ) from error
