"""The `delivery` section refuses what could never move anything."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from taxiway.delivery.section import Delivery

LOOKS: dict[str, Any] = {"analysis": {}}
REFUSED: dict[str, tuple[Any, str]] = {
    "two keys": ([{"setWeight": 5, "pause": {}}], "a step has one key, got setWeight, pause"),
    "no key": ([{}], "a step has one key, got none"),
    "nothing to look at": ([LOOKS], "steps.0 is an analysis, and no step before it gives"),
    "no weight": ([{"setWeight": 0}, {"pause": {}}, LOOKS], "steps.2 is an analysis"),
    "a field that is none": (
        [
            {"setWeight": 5},
            {"analysis": {"metrics": [{"name": "score", "successCondition": "a<1"}]}},
        ],
        "there is no field 'a'",
    ),
    "a word": (
        [
            {"setWeight": 5},
            {"analysis": {"metrics": [{"name": "score", "failureCondition": "no"}]}},
        ],
        "received a word in the condition 'no'",
    ),
    "no number": (
        [
            {"setWeight": 5},
            {"analysis": {"metrics": [{"name": "score", "failureCondition": "canary > stable"}]}},
        ],
        "received 'stable' in the condition 'canary > stable'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_canary_that_is_refused_says_why(case: str) -> None:
    steps, why = REFUSED[case]
    with pytest.raises(ValidationError) as refused:
        Delivery.model_validate({"strategy": {"kind": "canary", "steps": steps}})
    assert why in str(refused.value)


def test_a_shadow_has_no_reward() -> None:
    analysis = {"metrics": [{"name": "reward"}]}
    with pytest.raises(ValidationError) as refused:
        Delivery.model_validate({"strategy": {"kind": "shadow", "analysis": analysis}})
    assert "there is no reward to compare" in str(refused.value)
