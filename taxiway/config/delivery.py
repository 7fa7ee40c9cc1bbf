"""The `container` and `registry` sections: where steps run, and where versions are kept."""

from __future__ import annotations

from typing import Literal

from taxiway.section import Frozen, Seconds


class Container(Frozen):
    """How container components run on this machine."""

    engine: Literal["auto", "docker", "podman", "host"] = "auto"
    """auto: Docker, else Podman, else the same command as a process of the host."""
    image: str = "debian:trixie-slim"
    """Of container components. ModelManifest needs `sh`, `find`, `sort` and `sha256sum` in it."""


class Registry(Frozen):
    """Where model versions and the deploy queue are kept."""

    path: str = ""
    """SQLite file; empty means `<output.root>/registry.sqlite`."""
    lease_seconds: Seconds = 300.0
    """How long a deployer holds what it took from the queue before another may take it."""
