"""What MLflow is told of a run and of a model's aliases, as plain values within its limits."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from taxiway.tracking.run_record.record import RunRecord

RUN_TAG: Final = "taxiway.run_id"
"""By this tag a run is found again, so that it arrives once."""
TOLD_TAG: Final = "taxiway.mirrored_at"
"""When what MLflow has of a run was put together; only a run that arrived whole has it."""
VERSION_TAG: Final = "taxiway.version"
"""Of a version in MLflow, which counts 1, 2, 3, the name that the registry gave it."""
ARTIFACTS: Final = ("report.html", "report.json", "config.yaml", "record.json")
"""Files of a run's folder, which arrive where they are there."""
PARAM_LENGTH: Final = 6000
TAG_LENGTH: Final = 5000
KEY_LENGTH: Final = 250
STATUS: Final[Mapping[str, str]] = {
    "succeeded": "FINISHED",
    "failed": "FAILED",
    "stopped": "FAILED",
    "interrupted": "KILLED",
    "killed": "KILLED",
    "unfinished": "RUNNING",
}
"""MLflow's word for an outcome."""
_NOT_IN_A_KEY: Final = re.compile(r"[^\w\-. :/]", re.ASCII)
_NO_ALIAS: Final = re.compile(r"latest|v\d+", re.IGNORECASE)


class _Values(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # of a newer release's message


class MirroredRun(_Values):
    """A run."""

    run_id: str
    name: str
    status: str
    started_ms: int
    """Since the epoch; 0 where nothing says it."""
    ended_ms: int
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: tuple[tuple[str, float, int, int], ...]
    """Name, value, milliseconds since the epoch, step."""
    folder: str
    """Where its report lies."""
    model: str
    version: str
    """That it registered; empty where it registered none."""


class MirroredAliases(_Values):
    """The aliases of a model."""

    model: str
    versions: Mapping[str, str]
    """Name of the version by alias."""


class Message(_Values):
    """What one message in the outbox tells."""

    at: str
    """When it was put together; what is older than what MLflow has changes nothing."""
    run: MirroredRun | None = None
    aliases: MirroredAliases | None = None

    def digest(self) -> str:
        """Of all but `at`: the same told again is the same message."""
        text = self.model_dump_json(exclude={"at"})
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def mirrored_run(record: RunRecord, folder: str, tags: Mapping[str, str]) -> MirroredRun:
    """What MLflow is told of a run.

    Args:
      record: of the run.
      folder: where its report lies.
      tags: that people, or a sweep, gave it.
    """
    started = _milliseconds(record.started_at)
    ended = started + round(record.seconds * 1000)
    finals = {**record.metrics, "run/seconds": record.seconds}
    finals |= {"run/core_hours": record.cost.core_hours, "run/cost": record.cost.amount}
    metrics = [(_key(name), value, ended, 0) for name, value in finals.items()]
    for name, values in record.curves.items():
        # Always of the same time: a point that is told again is the same point.
        metrics += [(_key(f"epoch/{name}"), one, started, step) for step, one in enumerate(values)]
    return MirroredRun(
        run_id=record.run_id,
        name=record.run_id,
        status=STATUS.get(record.outcome, "FINISHED"),
        started_ms=started,
        ended_ms=ended,
        tags=_tags(record, tags),
        params={_key(key): _text(value)[:PARAM_LENGTH] for key, value in record.config.items()},
        metrics=tuple(one for one in metrics if math.isfinite(one[1])),
        folder=folder,
        model=record.model,
        version=record.version,
    )


def mirrored_aliases(model: str, versions: Mapping[str, str]) -> MirroredAliases:
    """What MLflow is told of a model's aliases; it keeps `latest` and such as `v2` for itself."""
    kept = {alias: name for alias, name in versions.items() if not _NO_ALIAS.fullmatch(alias)}
    return MirroredAliases(model=model, versions=kept)


def _tags(record: RunRecord, given: Mapping[str, str]) -> dict[str, str]:
    dirty = record.code.dirty
    ours = {
        "pipeline": record.pipeline,
        "model": record.model,
        "version": record.version,
        "outcome": record.outcome,
        "reason": record.reason,
        "runner": record.runner,
        "command": record.command,
        "commit": record.code.commit,
        "dirty": "" if dirty is None else str(dirty).lower(),
        "stack": record.packages.stack,
        "lock": record.packages.lock,
        "host": record.machine.host,
        "spans": record.data.spans,
        "report": record.report,
    }
    tags = {f"taxiway.{key}": value for key, value in ours.items()} | {
        "mlflow.source.name": record.command,
        "mlflow.source.type": "LOCAL" if record.runner == "local" else "JOB",
        "mlflow.source.git.commit": record.code.commit,
        "mlflow.note.content": record.reason,
        **{_key(key): value for key, value in given.items()},
        RUN_TAG: record.run_id,
    }
    return {key: value[:TAG_LENGTH] for key, value in tags.items() if value}


def _key(name: str) -> str:
    return _NOT_IN_A_KEY.sub("_", name)[:KEY_LENGTH]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _milliseconds(written: str) -> int:
    try:
        read = datetime.fromisoformat(written.replace("Z", "+00:00"))
    except ValueError:
        return 0
    read = read if read.tzinfo else read.replace(tzinfo=timezone.utc)
    return max(0, round(read.timestamp() * 1000))
