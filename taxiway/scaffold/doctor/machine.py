"""What is known of a machine, as plain values: looked up in `probe.py`, judged in `needs.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

GIB = 1024**3


@dataclass(frozen=True)
class Interpreter:
    """A Python that was found."""

    version: str
    """Such as `3.10.13`."""
    path: str
    headers: bool
    """Whether Python.h is there, which a package in source needs to be compiled."""


@dataclass(frozen=True)
class Endpoint:
    """A Kubeflow that was asked."""

    url: str
    fault: str = ""
    """Why it cannot be used; empty where it answered."""


@dataclass(frozen=True)
class Machine:
    """A machine, and a project on it."""

    system: str = "Linux"
    architecture: str = "x86_64"
    glibc: tuple[int, int] | None = (2, 36)
    """None where the C library is another one."""
    distribution: str = "debian"
    """Whose packages it takes: debian, fedora, suse, or empty where that is not known."""
    interpreter: Interpreter | None = None
    """Of the versions that the stack for this glibc wants."""
    installed: str = ""
    """Where the packages are, such as `.venv`; empty before `make install`."""
    extras: tuple[str, ...] = ("kfp", "distributed")
    """Of the packages that not every project installs, those that are there."""
    makes_venv: bool = True
    """Whether python3 has venv and ensurepip, with which uv can be had."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """Paths of those that were found, by name: c++, git, make, uv, kubectl, openssl."""
    engines: Mapping[str, str] = field(default_factory=dict)
    """Docker and Podman where they are installed: why they do not answer, or nothing."""
    buildkit: bool = False
    """Whether the Docker client can build with it."""
    memory: int = 16 * GIB
    """Bytes that this process may have: the machine's, or less where a container says so."""
    free: int = 100 * GIB
    """Bytes on the project's disk."""
    unwritable: tuple[str, ...] = ()
    """Folders in which this user may not write, of the project's and output.root."""
    encoding: str = "utf-8"
    """Of file names and texts, by this user's locale."""
    busy_ports: tuple[int, ...] = ()
    """Of those that something here would listen on."""
    dask_port: int = 8786
    """On which `make dask-up` has its scheduler listen."""
    endpoint: Endpoint | None = None
    """None where none was asked."""


def versions_for(glibc: tuple[int, int] | None) -> tuple[str, ...]:
    """Python's versions that can be used, best first: those of TFX's wheels for this C library."""
    return ("3.13", "3.12", "3.11") if glibc is not None and glibc >= (2, 38) else ("3.10",)
