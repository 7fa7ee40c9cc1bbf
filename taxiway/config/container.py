"""The `container` section: where steps run."""

from __future__ import annotations

from typing import Literal

from taxiway.section import Frozen


class Container(Frozen):
    """How container components run on this machine."""

    engine: Literal["auto", "docker", "podman", "host"] = "auto"
    """auto: Docker, else Podman, else the same command as a process of the host."""
    image: str = "debian:trixie-slim"
    """Of container components. ModelManifest needs `sh`, `find`, `sort` and `sha256sum` in it."""
