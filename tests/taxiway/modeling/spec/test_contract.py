"""What a model promises its callers, from its spec and the curated schema."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from taxiway.errors import ConfigError
from taxiway.modeling.spec import (
    Binary,
    Bucketized,
    Categorical,
    FeatureSpec,
    MultiClass,
    Multivalent,
    Numeric,
    Regression,
)
from taxiway.modeling.spec.contract import contract_digest, contract_of
from taxiway.modeling.spec.tasks import Task
from taxiway.registry.versions.contract import incompatibilities

NUMBERS = (Numeric("temp"), Numeric("wind"))
CATEGORIES = (Categorical("origin"), Categorical("carrier"))
SPEC = FeatureSpec(
    task=Binary("late", definition="more than 15 minutes late"),
    key="id",
    columns=(*NUMBERS, *CATEGORIES),
    slices=("origin",),
)
SCHEMA = """
feature { name: "late" type: INT }
feature { name: "temp" type: FLOAT float_domain { min: -40.0 } }
feature { name: "wind" type: FLOAT }
feature { name: "humid" type: FLOAT }
feature { name: "hour" type: INT int_domain { min: 0 max: 23 } }
feature { name: "origin" type: BYTES string_domain { value: "LGA" value: "JFK" } }
feature { name: "carrier" type: BYTES domain: "carriers" }
feature { name: "flag" type: INT bool_domain { true_value: "1" } }
string_domain { name: "carriers" value: "UA" value: "AA" }
"""


def schema(text: str = SCHEMA) -> Any:
    return text_format.Parse(text, schema_pb2.Schema())


def test_it_says_what_goes_in_what_comes_out_and_what_that_means() -> None:
    assert contract_of(SPEC, schema()) == {
        "inputs": {
            "temp": {"type": "number", "domain": {"min": -40.0}},
            "wind": {"type": "number"},
            "origin": {"type": "string", "domain": {"values": ["JFK", "LGA"]}},
            "carrier": {"type": "string", "domain": {"values": ["AA", "UA"]}},
        },
        "outputs": {"probability": "number"},
        "label": "late",
        "definition": "more than 15 minutes late",
        "task": "Binary",
        "positive": None,
        "classes": [],
        "derive": "",
    }


def test_types_are_those_that_a_request_brings() -> None:
    columns = (
        Numeric("hour"),
        Categorical("flag"),
        Multivalent("carrier"),
        Bucketized("temp", (0.0,)),
    )
    inputs = contract_of(dataclasses.replace(SPEC, columns=columns), schema())["inputs"]
    assert {name: one["type"] for name, one in inputs.items()} == {
        "hour": "whole number",
        "flag": "exact whole number",
        "carrier": "list of strings",
        "temp": "number",
    }
    assert inputs["hour"]["domain"] == {"min": 0, "max": 23}
    assert inputs["flag"]["domain"] == {"kind": "bool_domain", "is": 'true_value: "1"'}


@pytest.mark.parametrize(
    ("task", "outputs", "classes"),
    [
        (
            MultiClass("late", ("b", "a")),
            {"probabilities": "list of numbers", "class": "string"},
            ["b", "a"],
        ),
        (
            MultiClass("late"),
            {"probabilities": "list of numbers", "class": "string"},
            ["no", "yes"],
        ),
        (Regression("late"), {"value": "number"}, ["no", "yes"]),
    ],
)
def test_outputs_are_the_tasks_and_classes_those_that_it_names_or_learns(
    task: Task, outputs: dict[str, str], classes: list[str]
) -> None:
    spec = dataclasses.replace(SPEC, task=task)
    contract = contract_of(spec, schema(), ("no", "yes"))
    assert contract["outputs"] == outputs
    assert contract["classes"] == classes


def test_another_definition_alone_breaks_it() -> None:
    task = dataclasses.replace(SPEC.task, definition="more than 30 minutes late")
    other = contract_of(dataclasses.replace(SPEC, task=task), schema())
    assert incompatibilities(contract_of(SPEC, schema()), other) == [
        "the label's definition was `more than 15 minutes late`, is `more than 30 minutes late`"
    ]


def test_a_domain_of_the_schema_that_shrinks_breaks_it_and_one_that_grows_does_not() -> None:
    wide = contract_of(SPEC, schema(SCHEMA.replace('value: "UA"', 'value: "UA" value: "DL"')))
    narrow = contract_of(SPEC, schema())
    assert incompatibilities(narrow, wide) == []
    assert incompatibilities(wide, narrow) == ["input `carrier` no longer takes 'DL'"]


@pytest.mark.parametrize("task", [Binary, MultiClass, Regression])
def test_a_definition_is_a_text(task: Any) -> None:
    with pytest.raises(ConfigError, match="definition"):
        task("late", definition=15)


SAME = {
    "another order": {"columns": SPEC.columns[::-1]},
    "another vocabulary": {
        "columns": (*NUMBERS, Categorical("origin", 5, 3, "embedding"), Categorical("carrier"))
    },
    "another clip": {"columns": (Numeric("temp", 2.0, True), Numeric("wind"), *CATEGORIES)},
    "one more role of a column": {"columns": (*SPEC.columns, Bucketized("temp", (1.0, 2.0)))},
    "a number in buckets instead": {
        "columns": (Numeric("temp"), *CATEGORIES, Bucketized("wind", (1.0,)))
    },
    "other slices": {"slices": ()},
    "another key": {"key": "row"},
}
DIFFERENT = {
    "another label": {"task": Binary("cancelled")},
    "one input more": {"columns": (*SPEC.columns, Numeric("humid"))},
    "one input less": {"columns": SPEC.columns[1:]},
    "an input renamed": {"columns": (Numeric("temp"), Numeric("humid"), *CATEGORIES)},
    "a number that becomes a string": {
        "columns": (Numeric("temp"), *CATEGORIES, Categorical("wind"))
    },
    "another value that is yes": {"task": Binary("late", positive="no")},
    "several classes": {"task": MultiClass("late")},
    "a number": {"task": Regression("late")},
}


@pytest.mark.parametrize("change", SAME)
def test_what_callers_do_not_see_keeps_the_contract(change: str) -> None:
    changed = dataclasses.replace(SPEC, **SAME[change])
    assert incompatibilities(*(contract_of(one, schema()) for one in (SPEC, changed))) == []
    assert contract_digest(changed) == contract_digest(SPEC)


@pytest.mark.parametrize("change", DIFFERENT)
def test_what_callers_see_changes_the_contract(change: str) -> None:
    changed = dataclasses.replace(SPEC, **DIFFERENT[change])
    text = SCHEMA.replace('"wind" type: FLOAT', '"wind" type: BYTES')
    is_text = change == "a number that becomes a string"
    after = contract_of(changed, schema(text if is_text else SCHEMA))
    assert incompatibilities(contract_of(SPEC, schema()), after)
    assert contract_digest(changed) != contract_digest(SPEC)


def test_its_digest_is_that_of_releases_before_there_were_contracts() -> None:
    told = '{"inputs": {"carrier": "string", "temp": "number"}, "label": "late"}'
    spec = FeatureSpec(
        Binary("late", definition="any"), "id", (Numeric("temp"), Categorical("carrier"))
    )
    assert contract_digest(spec) == hashlib.sha256(told.encode()).hexdigest()


def test_the_names_of_the_classes_and_their_order_are_of_the_digest() -> None:
    tasks = [MultiClass("late"), MultiClass("late", ("a", "b")), MultiClass("late", ("b", "a"))]
    digests = {contract_digest(dataclasses.replace(SPEC, task=task)) for task in tasks}
    assert len(digests) == len(tasks)
