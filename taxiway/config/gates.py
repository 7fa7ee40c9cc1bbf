"""The `data_gate` and `infra_validation` sections: what may stop a run, or a model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from taxiway.section import Frozen, ModuleName, Seconds


class DataGate(Frozen):
    """Which findings of the validators stop a run before Transform."""

    stop_on: tuple[Literal["ERROR", "WARNING"], ...] = ("ERROR",)
    """Severities of schema anomalies that stop the run."""
    on_drift: Literal["warn", "stop"] = "warn"
    """What a drift anomaly does, whatever its severity."""
    rules: tuple[dict[str, JsonValue], ...] = ()
    """More rules, each a `kind` and its keys, such as `{kind: fewest_rows, at_least: 1000}`."""
    module: ModuleName = "components.data_gate.rules"
    """Import path of the module that knows the kinds of rules."""
    drift_threshold: Annotated[float, Field(gt=0.0)] = 0.3
    """Largest allowed distance between train and eval: L-infinity for categorical columns,
    Jensen-Shannon divergence for numeric ones (TFDV's two comparators), these in 20 bins with as
    many rows each, so that outliers do not count as drift."""


class InfraValidation(Frozen):
    """The trial of the exported model in a worker process of its own."""

    isolation: Literal["required", "best_effort"] = "best_effort"
    """Whether to bless a model where the system cannot keep the worker from files, network,
    privileges or system calls. Either way what is missing is named."""

    requests: Annotated[int, Field(ge=1)] = 50
    """How many requests the model is sent."""
    rows_per_request: Annotated[int, Field(ge=1)] = 1
    """Rows of the eval split in each request."""
    latency_budget_ms: Annotated[float, Field(gt=0)] = 100.0
    """Budget of the 99th percentile of request latency, after one warm-up request."""
    load_timeout_seconds: Seconds = 120.0
    """How long the model may take to load."""
    request_timeout_seconds: Seconds = 20.0
    """TensorFlow itself waits 10 s before it says that it is out of memory."""
    memory_limit_mb: Annotated[int, Field(ge=512)] = 4096
    """Limit of the worker's data segment; TensorFlow alone needs most of the least allowed."""
