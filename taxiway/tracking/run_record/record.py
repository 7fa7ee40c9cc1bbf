"""One run's record as plain values: what it was made from, how it went, what it cost.

`record.json` lies in the run's folder, beside its report. Whoever lists, compares, repeats or
mirrors runs reads it from there; nothing here knows TFX, TensorFlow or ML Metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, JsonValue

FILE: Final = "record.json"
"""In a run's folder."""
SCHEMA: Final = 1
"""Of the file; one more where an older reader would read it wrongly."""


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="ignore",  # a newer release may say more
        ser_json_inf_nan="strings",  # a training may diverge, and JSON has no such numbers
    )


class Code(_Part):
    """The code that a run used."""

    commit: str = ""
    """Of git; empty where there is none."""
    dirty: bool | None = None
    """Whether files that a run uses differed from the commit; None where that is not known."""
    diff: str = ""
    """Unified, of what git tracks or would track, from the commit to the code that ran."""
    diff_cut: bool = False
    """The diff was longer than is kept."""
    files: Mapping[str, str] = {}
    """sha256 of each file of the project that a run uses, by its path in the project."""


class Packages(_Part):
    """What was installed."""

    lock: str = ""
    """sha256 of requirements.lock; empty where there is none."""
    stack: str = ""
    """classic or modern."""
    releases: Mapping[str, str] = {}
    """Of every installed package, Python among them."""


class Machine(_Part):
    """Where a run was; of a run of many pods, where the record was written."""

    host: str = ""
    system: str = ""
    """Such as `Linux 6.1 x86_64`."""
    cores: int = 0
    memory_bytes: int = 0


class InputFile(_Part):
    """One file of input."""

    path: str
    """As the config's pattern found it, below `data.root`."""
    span: int = 0
    bytes: int = 0
    sha256: str = ""


class Data(_Part):
    """What a run learned from."""

    root: str = ""
    spans: str = ""
    """Such as `9-12`."""
    files: tuple[InputFile, ...] = ()
    schema_sha256: str = ""
    rows: Mapping[str, int] = {}
    """By split."""
    kept: str = ""
    """none, link or copy: how the files are kept by content; see data.keep."""


class NodeUsage(_Part):
    """One node of a run."""

    node: str
    state: str
    """complete, cached, failed, stopped, interrupted, killed or skipped."""
    seconds: float = 0.0
    cpu_seconds: float | None = None
    """Of the runner and the processes that the node started; None where it was not measured."""
    peak_memory_bytes: int | None = None
    reason: str = ""
    """Of a state that is no success."""


class Slice(_Part):
    """Metrics of some rows."""

    name: str
    metrics: Mapping[str, float]


class Cost(_Part):
    """What a run cost."""

    core_hours: float = 0.0
    per_core_hour: float = 0.0
    amount: float = 0.0
    currency: str = ""


class RunRecord(_Part):
    """All that is on record of a run."""

    schema_version: int = SCHEMA
    run_id: str
    pipeline: str = ""
    model: str = ""
    version: str = ""
    """Of the model that it registered."""
    runner: str = "local"
    """local or kubeflow."""
    command: str = ""
    started_at: str = ""
    """ISO 8601 in UTC, as the registry writes times."""
    seconds: float = 0.0
    outcome: str
    """succeeded, failed, stopped, interrupted, killed or unfinished."""
    reason: str = ""
    """Node and cause of an outcome that is no success."""
    config: Mapping[str, JsonValue] = {}
    """The resolved config, flattened: values by dotted key."""
    features: Mapping[str, str] = {}
    """Of the model's spec: how each column is taken, in words, by its name."""
    code: Code = Code()
    packages: Packages = Packages()
    machine: Machine = Machine()
    data: Data = Data()
    nodes: tuple[NodeUsage, ...] = ()
    cost: Cost = Cost()
    metrics: Mapping[str, float] = {}
    """Over all rows that were evaluated."""
    slices: tuple[Slice, ...] = ()
    curves: Mapping[str, tuple[float, ...]] = {}
    """One value for each epoch, by name of the metric (`loss`, `val_loss`, `auc`, ...)."""
    report: str = ""
    """Path of report.html; empty where there is none."""


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, JsonValue]:
    """A nested mapping by dotted key; lists, and mappings without a key, stay whole."""
    found: dict[str, JsonValue] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            found |= flattened(value, f"{name}.")
        else:
            found[name] = value
    return found
