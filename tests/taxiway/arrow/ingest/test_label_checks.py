"""What is said of data from which nothing can be learned: before any other node runs."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from tests.taxiway.arrow.ingest.conftest import Spans, lines, refused, table

pytestmark = pytest.mark.pipeline


def labelled(data: Spans, values: list[Any], kind: str = "INT", span: int = 1) -> Any:
    """A file of rows with these labels, again and again, and a schema that fits it."""
    schema = data.schema.read_text().replace("int_domain { min: 0 max: 1 }", "")
    data.schema.write_text(schema.replace('"late" type: INT', f'"late" type: {kind}'))
    return data.parquet(table(40, late=pa.array((values * 40)[:40])), span=span)


def test_rows_without_a_label_are_left_out_and_counted(data: Spans) -> None:
    data.parquet(table(60, late=[None, 0, 1] * 20))
    path = data.parquet(table(40, late=[0.0, 1.0, 1.0, float("nan")] * 10), span=2)
    summary = data.convert(length=2, shards=2)
    assert (summary.rows_read, summary.rows_unlabelled, summary.rows_dropped) == (100, 30, 0)
    assert sum(tally.rows for tally in summary.splits.values()) == 70
    assert all(row["late"] in (0, 1) for row in data.examples("train").values())
    assert all(row["late"] in (0, 1) for row in data.examples("eval").values())
    assert summary.first_unlabelled == f"{path.parents[1]}/span-1/a.parquet, row 1"


def test_without_any_label_the_column_and_the_first_row_are_told(data: Spans) -> None:
    path = data.csv([line.replace(",0,", ",,").replace(",1,", ",nan,") for line in lines(30)])
    assert refused(data) == (
        f"no row has a label: it is empty for 'late' in all 30 rows, of which the first is {path}, "
        "line 2\n  edit: 'late' in the input files"
    )


def test_without_any_derived_label_the_expression_is_told(data: Spans) -> None:
    path = data.parquet(table(30, temp=pa.nulls(30, pa.float32())).drop(["late"]))
    assert refused(data, derive="temp > 3") == (
        "no row has a label: derive 'temp > 3' has no value for 'late' in all 30 rows, of which "
        f"the first is {path}, row 1\n  edit: derive in the model's FeatureSpec"
    )


def test_one_class_is_told_with_its_value_and_files(data: Spans) -> None:
    path = labelled(data, ["yes"], "BYTES")
    data.parquet(table(10, late=["no"] * 10), span=2)
    data.parquet(table(10, late=["no"] * 10), span=2, name="b.parquet")
    told = refused(data, length=2, train_buckets=None)
    assert told == (
        "the train split has one class of label only: late is 'yes' in all of its 40 rows, of "
        f"{path}\n  edit: data.spans or data.split, or 'late' in the input files"
    )
    labelled(data, ["yes", "no"], "BYTES")
    told = refused(data, length=2, train_buckets=None)
    assert f"late is 'no' in all of its 20 rows, of {path.parents[1]}/span-2/a.parquet" in told
    assert "and 1 more file" in told


CLASSES: dict[str, tuple[list[Any], str, dict[str, Any], str]] = {
    "a number that is neither 0 nor 1": (
        [0, 1, 2],
        "INT",
        {"classes": (0, 1), "positive": 1},
        "has labels that are no class: late is 2, expected '0', '1'",
    ),
    "a name that is misspelt": (
        ["red", "green", "gren"],
        "BYTES",
        {"classes": ("red", "green")},
        "late is 'gren', expected 'red', 'green'; did you mean 'green'?",
    ),
    "yes that is never there": (
        ["Yes", "No"],
        "BYTES",
        {"positive": "yes"},
        "has no positive label: late is never 'yes', but 'No', 'Yes'; did you mean 'Yes'?",
    ),
    "a number that is never there": (
        [2.0, 3.0],
        "FLOAT",
        {"positive": 1},
        "late is never '1', but 2.0, 3.0",
    ),
}


@pytest.mark.parametrize("case", CLASSES)
def test_labels_that_the_task_does_not_expect_are_told(data: Spans, case: str) -> None:
    values, kind, task, reason = CLASSES[case]
    path = labelled(data, values, kind)
    told = refused(data, **task)
    assert told.startswith(f"the train split, of {path} has ")
    assert reason in told
    assert told.endswith("edit: 'late' in the input files, or task in the model's FeatureSpec")


@pytest.mark.parametrize(
    ("values", "kind", "task"),
    [
        ([0, 1], "INT", {"classes": (0.0, 1.0), "positive": 1.0}),  # as a Struct brings them
        ([1.0, 0.0], "FLOAT", {"classes": (0, 1), "positive": True}),
        ([2, 7, 9], "INT", {"classes": ("2", 7, "9")}),
        (["a", "b", "c"], "BYTES", {"positive": "b"}),
        ([float(n) for n in range(40)], "FLOAT", {}),
    ],
)
def test_labels_that_the_task_expects_pass_whatever_their_type(
    data: Spans, values: list[Any], kind: str, task: dict[str, Any]
) -> None:
    labelled(data, values, kind)
    data.convert(**task)


def test_a_category_without_any_value_to_learn_from_is_told(data: Spans) -> None:
    data.schema.write_text(data.schema.read_text() + 'feature { name: "gate" type: BYTES }')
    gates = {"gate": pa.nulls(20, pa.string())}
    path = data.parquet(table(20, **gates))
    data.parquet(table(20, gate=["A"] * 20), span=2)
    told = refused(data, length=2, train_buckets=None, vocabularies=("city", "gate"))
    assert told == (
        f"column 'gate' is empty in all 20 rows of the train split, of {path}: there is no value "
        "to make a vocabulary of\n  edit: the input files or data.spans, or take 'gate' out of the "
        "model's FeatureSpec"
    )
    data.convert(length=2, train_buckets=None, vocabularies=("city",))
