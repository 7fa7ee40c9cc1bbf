"""One trial in a process of its own: a run like any other, and what a sweep has to know of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from taxiway.config.loader import resolve_config
from taxiway.config.schema import Config
from taxiway.errors import TaxiwayError
from taxiway.registry.sweeps import State, Trial
from taxiway.runners.sweep.design import Design, Objective
from taxiway.runners.sweep.sampling.samplers import SAMPLERS, Pruner

if TYPE_CHECKING:
    from taxiway.runners.nodes.events import Event

PRUNED: Final = "pruned: "
"""Begins the reason of a run that was stopped since others do better."""
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """A trial that is to be run."""

    config: Mapping[str, Any]
    """What `portable` gave."""
    design: Mapping[str, Any]
    trial: Trial
    command: str
    earlier: Sequence[Trial] = ()

    def to_line(self) -> str:
        """For a pipe."""
        values = {**self.__dict__, "trial": _plain(self.trial)}
        values["earlier"] = [_plain(one) for one in self.earlier]
        return json.dumps(values) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Order:
        """From what `to_line` gave."""
        values = json.loads(line)
        values["trial"] = _trial(values["trial"])
        values["earlier"] = [_trial(one) for one in values["earlier"]]
        return cls(**values)


@dataclass(frozen=True)
class Result:
    """How a trial went."""

    state: State
    reason: str = ""
    objective: float | None = None
    curve: Sequence[float] = ()
    nodes: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


def config_of(raw: Mapping[str, Any], given: Mapping[str, str]) -> Config:
    """The config of a trial; raises as `load_config`."""
    return resolve_config(raw, [f"{key}={value}" for key, value in given.items()])


def run_trial(order: Order, tell: Tell) -> Result:
    """Runs a trial to its end, whatever it is.

    Args:
      order: what is to be run.
      tell: is told what it is at.
    """
    from taxiway.runners.local.run import run_pipeline

    design = Design.from_json(order.design)
    given, run_id = order.trial.given, order.trial.run_id
    try:
        config = config_of(order.config, given)
        sampler = SAMPLERS[design.sampler](design.space, design.seed, design.objective.higher)
        watch = Watch(design.objective, sampler.pruner(given, order.earlier), tell)
        run_pipeline(config, order.command, True, (watch,), run_id, deliver=design.push)
    except TaxiwayError as error:
        return Result("failed", str(error))
    return _result(config, run_id, design.objective, watch.curve)


class Watch:
    """A RunObserver that tells what a run is at, and ends it where a pruner says so.

    Args:
      objective: by which trials are ranked; its direction is that of the curve.
      pruner: asked at each epoch.
      tell: is told a few words.
    """

    def __init__(self, objective: Objective, pruner: Pruner | None, tell: Tell) -> None:
        self._objective = objective
        self._pruner = pruner
        self._tell = tell
        self.curve: list[float] = []

    def on_event(self, event: Event) -> None:
        """Looks at nodes that start, and at epochs."""
        from taxiway.runners.nodes.events import NodeProgress, NodeStarted, StopRun

        if isinstance(event, NodeStarted):
            self._tell(event.node_id)
        if not isinstance(event, NodeProgress):
            return
        self._tell(f"{event.node_id}, {event.progress.text}")
        value = curve_value(event.progress.values, self._objective)
        if value is None:
            return
        self.curve.append(value)
        reason = self._pruner(len(self.curve) - 1, value) if self._pruner else ""
        if reason:
            raise StopRun(f"{PRUNED}{reason}")


def curve_value(values: Mapping[str, float], objective: Objective) -> float | None:
    """What an epoch says of the objective; better the same way. None where it says nothing.

    That is the metric on the validation rows, or else the loss there, which is turned round where
    the objective is better the higher it is.
    """
    found = values.get(f"val_{objective.metric}")
    if found is not None:
        return found
    loss = values.get("val_loss")
    return None if loss is None else (-loss if objective.higher else loss)


def _result(config: Config, run_id: str, objective: Objective, curve: Sequence[float]) -> Result:
    report = json.loads(
        Path(config.output.report_folder(run_id), "report.json").read_text(encoding="utf-8")
    )
    slices = _measured(config, run_id)
    overall: Mapping[str, float] = next(
        (one.metrics for one in slices if one.name == "overall"), {}
    )
    value = objective.value(slices)
    state, reason = judged(report, value, objective)
    return Result(
        state,
        reason,
        value if state == "complete" else None,
        curve,
        {node["node"]: node["state"] for node in report["nodes"]},
        dict(overall),
    )


def judged(
    report: Mapping[str, Any], value: float | None, objective: Objective
) -> tuple[State, str]:
    """The state of a trial and why, from its run's report and the objective's value."""
    failure = report["failure"] or {"node": "", "reason": ""}
    reason = str(failure["reason"])
    if report["outcome"] == "succeeded" and value is None:
        return "failed", f"{objective.text} was not measured, or has no value"
    if report["outcome"] == "succeeded":
        told = (report["evaluation"] or {}).get("reasons") or [""]
        return "complete", f"not blessed: {told[0]}" if told[0] else ""
    if reason.startswith(PRUNED):
        return "pruned", reason.removeprefix(PRUNED)
    named = f"{failure['node']}: {reason}" if failure["node"] else reason
    states: Mapping[str, State] = {"stopped": "stopped", "interrupted": "interrupted"}
    return states.get(report["outcome"], "failed"), named


def _measured(config: Config, run_id: str) -> Sequence[Any]:
    """Metrics of all slices; none where the run did not come so far."""
    from taxiway.evaluation.results import read_metrics
    from taxiway.metadata.records import artifact_of
    from taxiway.metadata.store import run_store

    try:
        found = artifact_of(run_store(config.metadata).nodes(run_id), "ModelEvaluation")
        return read_metrics(found.uri) if found else []
    except Exception:  # the trial is told of all the same
        logging.exception("the evaluation of run %s cannot be read", run_id)
        return []


def _trial(values: Mapping[str, Any]) -> Trial:
    return Trial(**{**values, "curve": tuple(values["curve"])})


def _plain(trial: Trial) -> dict[str, Any]:
    return {**trial.__dict__, "curve": list(trial.curve)}
