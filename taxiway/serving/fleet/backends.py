"""How a version is loaded, by `serving.backend.kind`: a line per kind, in a literal table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from taxiway.config.serving import ProcessBackend, TfServingBackend
from taxiway.serving.backend import process, tfserving
from taxiway.serving.backend.loaded import LoadedVersion
from taxiway.serving.fleet.served_version import NotReady, ServedVersion

if TYPE_CHECKING:
    from taxiway.config.schema import Config

Load = Callable[[ServedVersion, "Config"], Awaitable[LoadedVersion]]
"""Raises TaxiwayError where it does not load."""


async def _by_process(served: ServedVersion, config: Config) -> LoadedVersion:
    backend = config.serving.backend
    assert isinstance(backend, ProcessBackend)
    if "://" in served.place:
        raise NotReady(
            f"{served.place} is in a bucket, and serving.backend.kind 'process' loads from folders",
            edit="push.destination",
        )
    allowed = config.model.allowed_operations if served.model == config.model.name else ()
    return await process.load(served.place, backend, config.serving.limits, allowed)


async def _by_tfserving(served: ServedVersion, config: Config) -> LoadedVersion:
    backend = config.serving.backend
    assert isinstance(backend, TfServingBackend)
    return await tfserving.load(backend, served.model, served.number)


LOADERS: Final[Mapping[str, Load]] = {"process": _by_process, "tfserving": _by_tfserving}


def load(served: ServedVersion, config: Config) -> Awaitable[LoadedVersion]:
    """Loads a version by the config's kind.

    Raises:
      TaxiwayError: it does not load.
    """
    return LOADERS[config.serving.backend.kind](served, config)


def goes_by_number(config: Config) -> bool:
    """Whether a version that was published again, under another number, has to be loaded again."""
    return isinstance(config.serving.backend, TfServingBackend)
