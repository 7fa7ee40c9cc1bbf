"""What a task may say of its label, and which types of the schema a label may have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from taxiway.errors import ConfigError
from taxiway.modeling.spec import Binary, FeatureSpec, MultiClass, Numeric, Regression
from taxiway.modeling.spec.schema import check_spec
from taxiway.modeling.spec.tasks import Task

NUMBERS = ("INT", "FLOAT")


@pytest.mark.parametrize(
    ("task", "kinds"),
    [
        (Binary("y"), NUMBERS),
        (Binary("y", positive=True), NUMBERS),
        (Binary("y", positive=2.0), NUMBERS),
        (Binary("y", positive=0.5), ("FLOAT",)),
        (Binary("y", positive="yes"), ("BYTES",)),
        (MultiClass("y"), ("INT", "BYTES")),
        (Regression("y"), NUMBERS),
    ],
)
def test_a_label_is_of_the_types_that_its_task_has(task: Task, kinds: tuple[str, ...]) -> None:
    for kind in ("INT", "FLOAT", "BYTES"):
        fits = kind in kinds
        assert (problem(task, label=kind) == "") is fits


@pytest.mark.parametrize(
    ("task", "kind", "hint"),
    [
        (
            Binary("y"),
            "BYTES",
            "positive says which value is yes: text for BYTES, as in ",
        ),
        (MultiClass("y"), "FLOAT", "a label of real numbers is one for Regression"),
        (Regression("y"), "BYTES", "a label of names is one for MultiClass"),
    ],
)
def test_a_label_of_another_type_is_told_what_to_do(task: Task, kind: str, hint: str) -> None:
    found = problem(task, label=kind)
    assert f"label 'y': the schema says {kind}, expected " in found
    assert hint in found


def test_a_weight_is_a_number_of_the_schema() -> None:
    assert problem(Regression("y", weight="x")) == ""  # see `problem`: x is a number
    found = problem(Regression("y", weight="word"))
    assert "weight 'word': the schema says BYTES, expected INT or FLOAT" in found
    assert "weight 'wait': the schema has no such feature" in problem(Binary("y", weight="wait"))


def problem(task: Task, label: str = "INT") -> str:
    """What is told of a task and a schema; empty where they fit."""
    columns = {"y": label, "x": "FLOAT", "z": "FLOAT", "word": "BYTES"}
    text = "".join(f'feature {{ name: "{n}" type: {kind} }}\n' for n, kind in columns.items())
    spec = FeatureSpec(task, columns=(Numeric("z"),))
    try:
        check_spec(spec, parsed(text), "features.py", "schema.pbtxt")
    except ConfigError as error:
        return error.message
    return ""


def parsed(text: str) -> Any:
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    return text_format.Parse(text, schema_pb2.Schema())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Binary("y", positive=""),
            "Binary: positive is '', expected a value; an empty",
        ),
        (lambda: Binary("y", positive=[1]), "Binary: positive is [1], expected a value of the"),  # type: ignore[arg-type]  # on purpose
        (lambda: Binary("y", weight="y"), "Binary: weight is 'y', expected another column than"),
        (lambda: Regression("y", weight=" "), "Regression: weight is ' ', expected the name of a"),
        (lambda: MultiClass("y", ("a",)), "MultiClass: classes is ('a',), expected two or more"),
        (lambda: MultiClass("y", (1, "1")), "MultiClass: classes is (1, '1'), expected two or"),
        (lambda: MultiClass("y", ("a", "")), "MultiClass: classes is ('a', ''), expected names"),
    ],
)
def test_what_a_task_cannot_have_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        make()
    assert refused.value.message.startswith(message)
