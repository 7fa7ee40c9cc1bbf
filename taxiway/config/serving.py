"""The `serving` section: the gateway, its workers, its bounds and its log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, JsonValue, model_validator

from taxiway.section import Frozen, Name, Seconds, is_loopback

Count = Annotated[int, Field(ge=1, le=10**9)]
ListenPort = Annotated[int, Field(ge=0, le=65535)]
"""0 for any that is free."""


class ProcessBackend(Frozen):
    """A model worker of this machine for each version, in a sandbox of its own. The default."""

    kind: Literal["process"]
    memory_limit_mb: Annotated[int, Field(ge=256)] | None = 4096
    """Of the data segment of each worker; null for none."""
    load_timeout_seconds: Seconds = 120.0
    """How long starting Python, TensorFlow and the model may take."""
    isolation: Literal["required", "best_effort"] = "best_effort"
    """required: load no model where the system refuses some of the sandbox."""


class TfServingBackend(Frozen):
    """TensorFlow Serving servers that others run; the gateway asks them by gRPC."""

    kind: Literal["tfserving"]
    address: str
    """host:port of its gRPC, such as 127.0.0.1:8500; it must serve every version that has
    traffic."""
    load_timeout_seconds: Seconds = 120.0
    """How long a version may take to become available there."""


Backend = Annotated[ProcessBackend | TfServingBackend, Field(discriminator="kind")]


class Batching(Frozen):
    """Requests that wait at the same time are asked of the model together."""

    max_rows: Count = 512
    """Of one call of the model; a request with more is split."""
    max_wait_ms: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """How long a request may wait for others although the model is free; 0 batches only what has
    come while it was busy."""


class Limits(Frozen):
    """What the gateway takes; the rest is refused with a reason, and nothing waits for ever."""

    request_bytes: Count = 16 * 2**20
    """Of one request's body."""
    rows: Count = 100_000
    """Of one request."""
    queued_rows: Count = 20_000
    """Of all requests that wait for one version; a request that would go above is refused with 429.
    One alone always fits."""
    connections: Count = 2_000
    """At once, of each protocol's port."""
    seconds: Seconds = 10.0
    """A request's deadline where its client names none, and the most where it does."""
    call_seconds: Seconds = 5.0
    """How long one call of a model may take, after which its worker is ended and replaced. With
    less than `seconds`, what it was asked can still be asked of the stable version."""
    loaded_versions: Count = 4
    """Of one model at once. Where another is wanted, the one that is longest without traffic is
    ended; a version for which there is no room is refused."""
    restarts_per_minute: Count = 3
    """Of one version's worker. With more the version has failed: its traffic goes to the one that
    served before, and it is tried again a minute later."""
    idle_seconds: Seconds = 75.0
    """After which a connection that asks nothing is closed."""
    receive_seconds: Seconds = 20.0
    """How long a client may take to send a request that it has begun, or to read its answer."""


class SmokeTest(Frozen):
    """Rows that a version must answer within bounds before it may have traffic."""

    columns: Mapping[str, list[JsonValue]]
    """Plain columns of equal length; what is left out is missing."""
    output: str
    """Of the model, such as probability."""
    lower: float | None = None
    """Of every row's answer; null for no bound."""
    upper: float | None = None
    """As `lower`."""

    @model_validator(mode="after")
    def _has_a_bound(self) -> SmokeTest:
        if self.lower is None and self.upper is None:
            raise ValueError("expected lower, upper or both")
        return self


class WarmUp(Frozen):
    """What a version is asked before it may have traffic, beside the smoke tests."""

    rows: Annotated[int, Field(ge=0, le=10_000)] = 64
    """Of the newest input span, or of the decision log; asked one by one and as batches."""
    latency_budget_ms: Annotated[float, Field(gt=0)] | None = None
    """Of the slowest percent of those that are asked one by one; null for no bound."""


class Tls(Frozen):
    """Files that every port answers with; read again when they change."""

    certificate: str = ""
    """PEM, the whole chain."""
    key: str = ""
    """PEM, without a passphrase."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Tls:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("expected both certificate and key, or neither")
        return self


def check_private(key: str, host: str, tls: Tls) -> None:
    """Raises where tokens would go in clear text to a port that others reach.

    Raises:
      ValueError: the host of that key is not of this machine alone, and there is no certificate.
    """
    if not is_loopback(host) and not tls.certificate:
        raise ValueError(
            f"{key} is {host}, which others reach: expected tls.certificate and tls.key, "
            "or an address of this machine (127.0.0.1)"
        )


class KeptColumn(Frozen):
    """How the log has a column."""

    keep: Literal["plain", "hash", "drop"]
    """hash: as HMAC-SHA256 under a key of the log's folder; drop: not at all."""


class DecisionLog(Frozen):
    """What was asked and answered, for training, monitoring and rewards."""

    root: str = ""
    """Empty means `<output.root>/decisions`."""
    sync: Literal["always", "interval"] = "interval"
    """always: on disk before its answer is sent; interval: at most 50 ms later."""
    file_rows: Count = 10_000
    """Of one Parquet file; one is closed after a minute all the same."""
    retention_days: Annotated[float, Field(gt=0)] = 90.0
    """After which files are removed, a day (UTC) at a time, counted from its end."""
    columns: Mapping[str, KeptColumn] = {}
    """Of columns that are not logged as they came."""
    reward_window_hours: Annotated[float, Field(gt=0, le=24 * 365)] = 24.0
    """How long before a reward by key the decisions are that it is of."""
    key: str = ""
    """Column that says whose the row is, by which `taxiway log erase` and sticky routes go; empty
    where no column does."""


class Serving(Frozen):
    """The gateway: `taxiway serve`."""

    host: str = "127.0.0.1"
    """Another address than loopback wants TLS, and a token for everything but health."""
    port: ListenPort = 8501
    """REST: TensorFlow Serving's, the Open Inference Protocol's and OFREP's."""
    grpc_port: ListenPort = 8500
    """gRPC: TensorFlow Serving's PredictionService, and the Open Inference Protocol's."""
    admin_host: str = "127.0.0.1"
    """As `host`, of the port that follows."""
    admin_port: ListenPort = 8502
    """Status page, metrics and what moves traffic."""
    models: tuple[Name, ...] = ()
    """Of the registry; empty means the config's own model. Others are pushed to
    `<output.root>/serving/<name>`."""
    backend: Backend = ProcessBackend(kind="process")
    batching: Batching = Batching()
    limits: Limits = Limits()
    warm_up: WarmUp = WarmUp()
    smoke_tests: tuple[SmokeTest, ...] = ()
    """Of the config's own model."""
    keep_warm_minutes: Annotated[float, Field(ge=0)] = 10.0
    """How long a version without traffic keeps its worker, for `taxiway rollout undo`."""
    poll_seconds: Annotated[float, Field(gt=0, le=3600)] = 0.25
    """Between two looks at the routing table and the deploy queue."""
    tls: Tls = Tls()
    log: DecisionLog = DecisionLog()

    @model_validator(mode="after")
    def _is_private(self) -> Serving:
        """Who can ask a model, or move its traffic, is nobody's guess: tokens go encrypted."""
        for key, host in (("host", self.host), ("admin_host", self.admin_host)):
            check_private(key, host, self.tls)
        return self
