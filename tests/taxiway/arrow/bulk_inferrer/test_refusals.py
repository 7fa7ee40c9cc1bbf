"""What cannot be answered is refused by name, with the key to edit, and leaves no files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taxiway.errors import ConfigError, DataError
from tests.taxiway.arrow.bulk_inferrer.conftest import (
    TEXTS,
    Rows,
    artifact,
    executed,
    ours,
)
from tests.taxiway.arrow.conftest import write

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("bulk_inferrer")]


def columns(*pairs: str) -> str:
    spec = [{"output_key": k, "output_column": c} for k, c in (p.split("=") for p in pairs)]
    return json.dumps({"output_columns_spec": [{"predict_output": {"output_columns": spec}}]})


WRONG: dict[str, tuple[dict[str, str], str, str]] = {
    "a split that is not there": (
        {"data_spec": '{"example_splits": ["evall"]}'},
        "no split 'evall'; did you mean 'eval'",
        "data_spec.example_splits",
    ),
    "an unknown key of data_spec": ({"data_spec": '{"splits": ["eval"]}'}, "splits", "data_spec"),
    "an unknown key of model_spec": ({"model_spec": '{"name": "x"}'}, "name", "model_spec"),
    "a signature that is not there": (
        {"model_spec": '{"model_signature_name": ["serving"]}'},
        "no signature 'serving'",
        "model_spec.model_signature_name",
    ),
    "several signatures": (
        {"model_spec": '{"model_signature_name": ["serving_default", "whole"]}'},
        "use engine: beam",
        "engine.components: {BulkInferrer: beam}",
    ),
    "a signature of columns": (
        {"model_spec": '{"model_signature_name": ["columns"]}'},
        "takes weight: float32; expected one tensor",
        "model_spec.model_signature_name",
    ),
    "an output that is not of rows": (
        {"model_spec": '{"model_signature_name": ["whole"]}'},
        r"output 'rows' has the shape \[\]",
        "engine.components: {BulkInferrer: beam}",
    ),
    "an output of unknown rank": (
        {"model_spec": '{"model_signature_name": ["unknown"]}'},
        "output 'length' of signature 'unknown' has no known rank.*use engine: beam",
        "engine.components: {BulkInferrer: beam}",
    ),
    "a tag that is not there": ({"model_spec": '{"tag": ["tpu"]}'}, "tags tpu", "model_spec.tag"),
    "a column that is not there": (
        {"kept_columns": '["kee"]'},
        "no example has a column 'kee'; did you mean 'key'",
        "keep_columns",
    ),
}
WRONG_COLUMNS: dict[str, tuple[str, str]] = {
    "an output that is not there": (columns("probabilty=p"), "did you mean 'probability'"),
    "a column that is there already": (columns("probability=text"), "have text already"),
    "a classification": (
        '{"output_columns_spec": [{"classify_output": {"label_column": "l"}}]}',
        "classify_output.*use engine: beam",
    ),
    "no column at all": ("{}", "nothing for output examples"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_is_refused_with_its_key(
    case: str, examples: Any, model: Any, tmp_path: Path
) -> None:
    properties, message, key = WRONG[case]
    with pytest.raises(ConfigError, match=message) as refused:
        ours(tmp_path, examples, model, **properties)
    assert key in refused.value.edit
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize("case", WRONG_COLUMNS)
def test_output_examples_that_cannot_be_are_refused_with_their_key(
    case: str, examples: Any, model: Any, tmp_path: Path
) -> None:
    spec, message = WRONG_COLUMNS[case]
    properties = {"output_example_spec": spec}
    with pytest.raises(ConfigError, match=message) as refused:
        executed("arrow", tmp_path, examples, model, properties, "output_examples")
    assert "output_example_spec of the BulkInferrer" in refused.value.edit
    assert not list(tmp_path.rglob("*.gz"))


def test_a_column_called_like_an_output_is_refused(
    model: Any, rows: dict[str, list[Rows]], tmp_path: Path
) -> None:
    named = [{**each, "said": [b"before"]} for each in rows["eval"][0]]
    write(tmp_path / "Split-eval/data_tfrecord-00000-of-00001.gz", named)
    clash = artifact("Examples", tmp_path, ["eval"])
    with pytest.raises(ConfigError, match="said is a column of the examples and an output"):
        ours(tmp_path / "out", clash, model, model_spec=TEXTS, kept_columns='["said"]')


BAD_ROWS: dict[str, tuple[Callable[[Rows], None], str]] = {
    "several values": (
        lambda file: file[3].update(text=[b"one", b"two"]),
        "has up to 2 values of 'text' in a row, expected one",
    ),
    "no UTF-8": (lambda file: file[3].update(key=[b"\xff"]), "column 'key' has bytes that are no"),
    "a feature that the model needs": (lambda file: file[3].pop("weight"), "refuses rows of"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_rows_that_cannot_be_answered_fail_by_name(
    case: str, model: Any, rows: dict[str, list[Rows]], tmp_path: Path
) -> None:
    spoil, message = BAD_ROWS[case]
    file = [dict(each) for each in rows["eval"][0]]
    spoil(file)
    write(tmp_path / "Split-eval/data_tfrecord-00000-of-00001.gz", file)
    with pytest.raises(DataError, match=message):
        ours(tmp_path / "out", artifact("Examples", tmp_path, ["eval"]), model)
    assert not list(tmp_path.rglob("*.parquet*"))
