"""How heavy steps are computed: which engine each one uses, and where the arrow engine works."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from taxiway.config.section import Frozen

EngineKind = Literal["arrow", "beam"]
HeavyStep = Literal["StatisticsGen", "Transform", "Evaluator", "BulkInferrer"]
"""Components with two executors behind one spec."""

Tries = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


class Workers(Frozen):
    """What every kind of worker is told."""

    tries: Tries = 3
    """How often a shard is tried before the step fails; a DataError is never tried again."""
    task_seconds: Seconds = 3600.0
    """Deadline of one shard; inline work cannot be stopped and knows only the next one."""
    job_seconds: Seconds = 24 * 3600.0
    """Deadline of a whole step."""


class AutoWorkers(Workers):
    """Inline for small inputs and on one core, processes otherwise."""

    kind: Literal["auto"]


class InlineWorkers(Workers):
    """In the step's own process, shard after shard."""

    kind: Literal["inline"]


class ProcessWorkers(Workers):
    """Processes of this machine, kept from step to step."""

    kind: Literal["processes"]
    count: Annotated[int, Field(ge=0)] = 0
    """0: one a core."""


class DaskWorkers(Workers):
    """Workers of a Dask cluster that is there already; deploy/README.md says how to start one.

    They import this same code, and see output.root under the same path.
    """

    kind: Literal["dask"]
    address: str
    """Of the scheduler: tls://HOST:PORT; tcp:// on this machine only."""
    ca_file: str = ""
    """Certificate, in PEM format, of who signed those of the cluster."""
    cert_file: str = ""
    """Certificate of this run, signed by the same."""
    key_file: str = ""
    """Its private key."""
    connect_seconds: Seconds = 30.0
    """How long the scheduler may take to answer, and be without any worker."""

    @model_validator(mode="after")
    def _is_private(self) -> DaskWorkers:
        """Tasks are pickles: whoever can send one to a worker, or answer as one, runs any code."""
        scheme, host, port = _split(self.address)
        if scheme not in ("tls", "tcp") or not host or port is None:
            raise ValueError(f"address must be tls://HOST:PORT, not '{self.address}'")
        if scheme == "tcp" and not _is_loopback(host):
            raise ValueError(
                f"address {self.address} is not encrypted, so anyone on the way could run code: "
                "use tls://, or tcp:// with an address of this machine (127.0.0.1)"
            )
        missing = [key for key in ("ca_file", "cert_file", "key_file") if not getattr(self, key)]
        if scheme == "tls" and missing:
            raise ValueError(
                f"address {self.address} needs {', '.join(missing)}: `make dask-certs` makes them"
            )
        return self


WorkersConfig = Annotated[
    AutoWorkers | InlineWorkers | ProcessWorkers | DaskWorkers, Field(discriminator="kind")
]


class Engine(Frozen):
    """Which executor each heavy step uses; their specs and artifacts are the same."""

    default: EngineKind = "arrow"
    """arrow: vectorised, streaming, on `workers`. beam: TFX's own executor, for Beam runners."""
    components: Mapping[HeavyStep, EngineKind] = {}
    """The exceptions, such as `{Evaluator: beam}`."""
    workers: WorkersConfig = AutoWorkers(kind="auto")

    def of(self, step: HeavyStep) -> EngineKind:
        """The engine of one step."""
        return self.components.get(step, self.default)


def _split(address: str) -> tuple[str, str, int | None]:
    parts = urlsplit(address)
    try:
        return parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        return "", "", None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
