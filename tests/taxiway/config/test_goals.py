"""Goals: each kind is held against what it is about, and says so where that was not measured."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from taxiway.config.goals import Goal, Goals, Measured, MeasuredSlice
from taxiway.config.loader import load_config
from taxiway.errors import ConfigError
from tests.conftest import TINY

MEASURED = Measured(
    metrics={"auc": 0.8, "recall": None},
    slices=[
        MeasuredSlice("region=north", {"auc": 0.9}),
        MeasuredSlice("region=south", {"auc": 0.7}),
        MeasuredSlice("region=west", {"auc": 0.1}, is_ranked=False),
        MeasuredSlice("region=south, hour=3", {"auc": 0.2}),
    ],
    latencies_ms={"p50": 1.0, "p99": 12.5},
    answers={
        "true_positive": 6,
        "false_positive": 2,
        "true_negative": 10,
        "false_negative": 2,
    },
    cost=0.5,
    currency="EUR",
)
WORTH = {"true_positive": 5, "false_positive": -1, "false_negative": -4}
CASES: list[tuple[dict[str, Any], float, str]] = [
    ({"kind": "metric", "metric": "auc"}, 0.8, "auc on all rows"),
    ({"kind": "metric", "metric": "auc", "slice": "region=south"}, 0.7, "auc on region=south"),
    (
        {"kind": "fairness", "metric": "auc", "column": "region"},
        0.2,
        "auc between region=south and region=north",
    ),
    ({"kind": "latency"}, 12.5, "p99 of a request, in ms"),
    ({"kind": "latency", "percentile": "p50"}, 1.0, "p50 of a request, in ms"),
    ({"kind": "business", "worth": WORTH, "unit": "EUR"}, 1.0, "EUR for each row"),
    ({"kind": "cost"}, 0.5, "EUR for the nodes' CPU time"),
]


def parsed(**values: Any) -> Any:
    (goal,) = TypeAdapter(Goals).validate_python([values])
    return goal


@pytest.mark.parametrize(("values", "value", "told"), CASES)
def test_it_is_held_against_what_it_is_about(
    values: dict[str, Any], value: float, told: str
) -> None:
    goal = parsed(**values, at_most=value + 0.01, at_least=value - 0.01)
    found = goal.measure(MEASURED)
    assert found.value == pytest.approx(value)
    assert found.told == told
    assert goal.is_met(found.value)
    assert not goal.is_met(value + 0.02)
    assert not goal.is_met(value - 0.02)


@pytest.mark.parametrize(("values", "value", "told"), CASES)
def test_what_was_not_measured_is_not_on_record(
    values: dict[str, Any], value: float, told: str
) -> None:
    found = parsed(**values, at_most=1).measure(Measured())
    assert found.value is None
    assert found.told


def test_every_kind_has_a_case() -> None:
    kinds = {
        get_args(one.model_fields["kind"].annotation)[0] for one in get_args(get_args(Goal)[0])
    }
    assert kinds == {values["kind"] for values, *_ in CASES}


def test_a_goal_without_a_bound_is_refused() -> None:
    with pytest.raises(ValidationError, match="a goal needs at_least or at_most"):
        parsed(kind="latency")


def test_a_kind_that_no_one_knows_is_told_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="'metric', 'fairness', 'latency', 'business', 'cost'"):
        load_config([TINY], ["goals=[{kind: speed, at_most: 1}]"])
