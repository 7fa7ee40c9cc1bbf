"""A run's record: what is known when it starts, and all of it when it has ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from taxiway.config.schema import Config
from taxiway.metadata.records import run_outcome
from taxiway.metadata.whole_runs import WholeRun
from taxiway.process.provenance import GIT_COMMIT, GIT_DIRTY, LOCK_DIGEST
from taxiway.registry.database.tables import written
from taxiway.registry.runs import UNFINISHED
from taxiway.tracking.collect import name_of, read_config
from taxiway.tracking.recording.inputs import data_of, digest_of
from taxiway.tracking.recording.model import curves_of, features_of, metrics_of, version_of
from taxiway.tracking.recording.nodes import cost_of, nodes_of
from taxiway.tracking.recording.surroundings import code_of, machine, packages_of
from taxiway.tracking.run_record.record import Code, Data, Packages, RunRecord, Slice, flattened

REPORT: Final = "report.html"
NO_METRICS: Final[tuple[dict[str, float], tuple[Slice, ...]]] = ({}, ())
NO_CURVES: Final[Mapping[str, tuple[float, ...]]] = {}
T = TypeVar("T")


@dataclass(frozen=True)
class Ending:
    """What a runner knows of a run's end, and ML Metadata does not."""

    outcome: str = ""
    """Empty where the nodes' own states say it."""
    reason: str = ""
    order: Sequence[str] = ()
    """Every node, in the order in which they may start."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Why a node did not run, by node."""


def begun(
    config: Config, run_id: str, properties: Mapping[str, Any], runner: str = "local"
) -> RunRecord:
    """The record of a run that starts now: `unfinished`, whatever may become of it.

    Args:
      config: the resolved config.
      run_id: the run.
      properties: of the run: its command, and see taxiway/process/provenance.py.
      runner: local or kubeflow.
    """
    module = config.model.module
    return RunRecord(
        run_id=run_id,
        pipeline=config.pipeline.name,
        model=config.model.name,
        runner=runner,
        command=str(properties.get("command", "")),
        started_at=written(time.time()),
        outcome=UNFINISHED,
        config=flattened(config.model_dump(mode="json")),
        features=_or_empty(lambda: features_of(module), {}),
        code=code_of(module, properties),
        packages=packages_of(properties),
        machine=machine(),
        data=Data(root=config.data.root, schema_sha256=digest_of(config.data.schema_file)),
    )


def found_dead(run_id: str, whole: WholeRun | None, runner: str) -> RunRecord:
    """As far as ML Metadata knows the beginning of a run that left no record of it."""
    properties = whole.properties if whole else {}
    config = read_config(str(properties.get("config", "")))
    dirty = properties.get(GIT_DIRTY)
    return RunRecord(
        run_id=run_id,
        pipeline=name_of(config, "pipeline"),
        model=name_of(config, "model"),
        runner=runner,
        command=str(properties.get("command", "")),
        outcome=UNFINISHED,
        config=flattened(config),
        code=Code(
            commit=str(properties.get(GIT_COMMIT, "")),
            dirty=None if dirty is None else dirty == "true",
        ),
        packages=Packages(lock=str(properties.get(LOCK_DIGEST, ""))),
    )


def ended(
    config: Config, begin: RunRecord, whole: WholeRun | None, folder: Path, ending: Ending
) -> RunRecord:
    """The whole record of a run that has ended.

    Args:
      config: of the run, as far as `cost` and `data` are concerned.
      begin: what `begun` gave.
      whole: what ML Metadata knows; None where the run did not get so far.
      folder: the run's.
      ending: what else is known.
    """
    records = whole.nodes if whole else ()
    nodes = nodes_of(records, ending.order, ending.skipped)
    metrics, slices = _or_empty(lambda: metrics_of(records), NO_METRICS)
    failed = next((one for one in records if one.error_kind is not None), None)
    page = folder / REPORT
    found: dict[str, Any] = {
        "version": version_of(records),
        "outcome": ending.outcome or run_outcome(records).value,
        "reason": ending.reason or (f"{failed.node_id}: {failed.error}" if failed else ""),
        "nodes": nodes,
        "cost": cost_of(nodes, config.cost.per_core_hour, config.cost.currency),
        "data": data_of(records, begin.data, config),
        "metrics": metrics,
        "slices": slices,
        "curves": _or_empty(lambda: curves_of(records), NO_CURVES),
        "report": str(page) if page.is_file() else "",
    }
    if whole is not None:
        found |= {
            "started_at": written(whole.started),
            "seconds": round(whole.ended - whole.started, 3),
        }
    return begin.model_copy(update=found)


def _or_empty(part: Callable[[], T], empty: T) -> T:
    """A part of the record; one that cannot be had, as of a model folder that is broken, is not."""
    try:
        return part()
    except Exception:
        logging.exception("a part of the run's record could not be had")
        return empty
