"""By what trials are ranked: metric, slice and which way is better; and what a run's end means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from taxiway.errors import ConfigError
from taxiway.process.progress import Progress
from taxiway.registry.database.tables import canonical
from taxiway.runners.nodes.events import NodeProgress, StopRun
from taxiway.runners.sweep.design import Design, Objective, objective_of
from taxiway.runners.sweep.sampling.space import parse_space
from taxiway.runners.sweep.trial import Watch, curve_value, judged
from tests.taxiway.runners.sweep.pretended import config_at

AUC = Objective("auc", "", True, 100)
LOSS = Objective("binary_crossentropy", "", False, 100)


@dataclass(frozen=True)
class Measured:
    name: str
    metrics: dict[str, float]


SLICES = [
    Measured("overall", {"auc": 0.8, "example_count": 900.0}),
    Measured("region=north", {"auc": 0.9, "example_count": 300.0}),
    Measured("region=south", {"auc": 0.7, "example_count": 500.0}),
    Measured("region=west", {"auc": 0.1, "example_count": 9.0}),
]


@pytest.mark.parametrize(
    ("slice_name", "higher", "value"),
    [
        ("", True, 0.8),
        ("worst", True, 0.7),  # of west there are too few rows
        ("worst", False, 0.9),
        ("region=west", True, 0.1),
        ("region=east", True, None),
    ],
)
def test_the_value_of_a_slice_or_of_the_worst(
    slice_name: str, higher: bool, value: float | None
) -> None:
    assert Objective("auc", slice_name, higher, 100).value(SLICES) == value


def test_the_metric_says_which_way_is_better_unless_told(tmp_path: Path) -> None:
    config = config_at(tmp_path)
    assert objective_of(config) == AUC
    assert objective_of(config, "binary_crossentropy") == LOSS
    assert objective_of(config, "auc", "worst", False) == Objective("auc", "worst", False, 100)
    with pytest.raises(ConfigError, match="--highest or --lowest"):
        objective_of(config, "calibration")
    assert objective_of(config, "calibration", "", False).higher is False


def test_a_metric_or_slice_that_is_not_measured_is_refused(tmp_path: Path) -> None:
    config = config_at(tmp_path)
    with pytest.raises(ConfigError, match="'acu' is not measured; did you mean 'auc'"):
        objective_of(config, "acu")
    with pytest.raises(ConfigError, match=r"expected worst, or a slice .*region=\.\.\."):
        objective_of(config, "auc", "city=x")
    assert objective_of(config, "auc", "region=west").slice == "region=west"


def test_a_design_is_read_from_what_it_was_written_as() -> None:
    space = parse_space(["a=1..3", "b=x,y"])
    design = Design(space, "tpe", AUC, 8, 2.5, 7, True, ("--config=x",))
    assert Design.from_json(design.to_json()) == design
    assert canonical(design.to_json())


def _report(outcome: str, reason: str = "", told: tuple[str, ...] = ()) -> dict[str, Any]:
    failure = {"node": "Trainer", "reason": reason} if reason else None
    return {"outcome": outcome, "failure": failure, "evaluation": {"reasons": list(told)}}


@pytest.mark.parametrize(
    ("report", "value", "judgement"),
    [
        (_report("succeeded"), 0.8, ("complete", "")),
        (_report("succeeded", told=("auc is low",)), 0.8, ("complete", "not blessed: auc is low")),
        (_report("succeeded"), None, ("failed", "auc was not measured, or has no value")),
        (_report("failed", "no room"), None, ("failed", "Trainer: no room")),
        (_report("stopped", "drift"), None, ("stopped", "Trainer: drift")),
        (_report("stopped", "pruned: too slow"), None, ("pruned", "too slow")),
        (_report("interrupted", "interrupted"), None, ("interrupted", "Trainer: interrupted")),
        (_report("killed", "out of memory"), None, ("failed", "Trainer: out of memory")),
    ],
)
def test_the_end_of_a_run_says_the_state_of_its_trial(
    report: dict[str, Any], value: float | None, judgement: tuple[str, str]
) -> None:
    assert judged(report, value, AUC) == judgement


def test_an_epoch_is_judged_by_the_metric_or_else_the_loss_turned_the_right_way() -> None:
    assert curve_value({"val_auc": 0.7, "val_loss": 0.5}, AUC) == 0.7
    assert curve_value({"val_auc": 0.7, "val_loss": 0.5}, LOSS) == 0.5
    assert curve_value({"val_loss": 0.5}, AUC) == -0.5
    assert curve_value({"loss": 0.5}, AUC) is None


def test_a_run_is_stopped_at_the_epoch_that_the_pruner_says() -> None:
    told: list[str] = []
    watch = Watch(AUC, lambda epoch, value: "too slow" if epoch == 1 else "", told.append)

    def epoch(done: int, **values: float) -> None:
        progress = Progress(done, 5, "epochs", values=values)
        watch.on_event(NodeProgress("run", "Trainer", progress))

    epoch(0)
    epoch(1, val_auc=0.6)
    with pytest.raises(StopRun, match="pruned: too slow"):
        epoch(2, val_auc=0.5)
    assert watch.curve == [0.6, 0.5]
    assert told == [f"Trainer, {done} of 5 epochs" for done in (0, 1, 2)]
