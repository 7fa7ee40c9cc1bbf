"""The arrow engine answers as the stock one, in Parquet and in order; nothing is lost."""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from taxiway.errors import DataError
from tests.taxiway.arrow.bulk_inferrer.conftest import (
    KEPT,
    SIZES,
    TEXTS,
    Rows,
    artifact,
    executed,
    ours,
    table,
)
from tests.taxiway.arrow.conftest import write
from tests.taxiway.arrow.stock import ROOT

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("bulk_inferrer")]


def logged(result: Any) -> dict[str, dict[str, Any]]:
    """The stock executor's answers by key."""
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    found = {}
    for path in sorted(Path(result.uri).iterdir()):
        for record in tf.data.TFRecordDataset(str(path), compression_type="GZIP"):
            log = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log
            (asked,) = log.request.inputs.values()
            example = tf.train.Example.FromString(asked.string_val[0])
            key = example.features.feature["key"].bytes_list.value[0].decode()
            found[key] = {
                name: tf.make_ndarray(value)[0] for name, value in log.response.outputs.items()
            }
    return found


def test_both_engines_answer_the_same_for_every_key(
    predictions: Any, examples: Any, model: Any, tmp_path: Path
) -> None:
    stock = logged(executed("beam", tmp_path, examples, model, {}))
    found = ds.dataset(predictions.uri, format="parquet").to_table().to_pylist()
    assert len(found) == len(stock) == sum(map(sum, SIZES.values()))
    for mine in found:
        theirs = stock[mine["key"]]
        assert mine["twice"] == theirs["twice"][0]
        for name in ("probability", "scores"):
            np.testing.assert_allclose(mine[name], theirs[name], rtol=1e-6)


def test_every_row_is_there_in_the_order_of_the_examples(
    predictions: Any, rows: dict[str, list[Rows]]
) -> None:
    for split, files in rows.items():
        for number, file in enumerate(files):
            found = table(predictions, split, number)
            for name in KEPT:
                expected = [value_of(each, name) for each in file]
                assert found[name].to_pylist() == expected, name
    assert predictions.get_int_custom_property("rows") == sum(map(sum, SIZES.values()))


def value_of(made: dict[str, Any], name: str) -> Any:
    (value,) = made.get(name) or [None]
    if isinstance(value, bytes):
        return value.decode()
    return float(np.float32(value)) if isinstance(value, float) else value


def test_all_files_have_the_same_types_even_one_without_rows(predictions: Any) -> None:
    files = sorted(Path(predictions.uri).rglob("*.parquet"))
    assert len(files) == sum(len(sizes) for sizes in SIZES.values())
    schemas = {str(pq.read_schema(path)) for path in files}
    assert len(schemas) == 1
    found = pq.read_schema(files[0])
    types = {field.name: str(field.type).replace("element", "item") for field in found}
    assert types == {
        "key": "string",
        "text": "string",
        "number": "float",
        "empty": "string",
        "label": "int64",
        "probability": "float",
        "scores": "list<item: float>",
        "twice": "int64",
    }


@pytest.mark.parametrize("kept", [["key", "label"], []], ids=["columns", "no columns"])
def test_examples_without_any_row_give_files_without_rows(
    kept: list[str], model: Any, tmp_path: Path
) -> None:
    """A quiet day; what a kept column holds is not known then, and counts as text."""
    for file in range(2):
        write(tmp_path / f"Split-eval/data_tfrecord-{file:05d}-of-00002.gz", [])
    quiet = artifact("Examples", tmp_path, ["eval"])
    result = ours(tmp_path / "out", quiet, model, kept_columns=json.dumps(kept))
    assert result.get_int_custom_property("rows") == 0
    for file in range(2):
        found = table(result, "eval", file)
        assert found.num_rows == 0
        assert found.column_names == [*kept, "probability", "scores", "twice"]
        assert {str(found.schema.field(name).type) for name in kept} <= {"string"}


def test_a_signature_that_answers_with_text(
    examples: Any, model: Any, rows: dict[str, list[Rows]], tmp_path: Path
) -> None:
    """The stock executor fails on these: tfx_bsl takes the values of a batch for arrays."""
    found = table(ours(tmp_path, examples, model, model_spec=TEXTS), "eval", 0)
    words = [value_of(each, "text") for each in rows["eval"][0]]
    assert found["said"].to_pylist() == [f"said {'none' if w is None else w}" for w in words]


def test_the_artifact_says_what_it_holds(predictions: Any) -> None:
    said = predictions.get_string_custom_property
    assert said("payload_format") == "FORMAT_PARQUET"
    assert said("signature") == "serving_default"
    assert json.loads(said("split_names")) == ["eval", "train"]


def test_only_the_splits_that_are_asked_for(examples: Any, model: Any, tmp_path: Path) -> None:
    result = ours(tmp_path, examples, model, data_spec=json.dumps({"example_splits": ["eval"]}))
    assert [path.name for path in Path(result.uri).iterdir()] == ["Split-eval"]
    assert result.get_int_custom_property("rows") == sum(SIZES["eval"])


def test_a_split_of_several_artifacts_is_answered_whole(
    examples: Any, model: Any, rows: dict[str, list[Rows]], tmp_path: Path
) -> None:
    write(tmp_path / "more/Split-eval/data_tfrecord-00000-of-00001.gz", rows["eval"][0][:5])
    result = ours(
        tmp_path / "out", [examples, artifact("Examples", tmp_path / "more", ["eval"])], model
    )
    assert (
        table(result, "eval", 1)["key"].to_pylist()
        == table(result, "eval", 0)["key"][:5].to_pylist()
    )
    assert result.get_int_custom_property("rows") == sum(map(sum, SIZES.values())) + 5


@pytest.mark.parametrize("output", ["inference_result", "output_examples"])
def test_a_model_that_is_not_blessed_is_not_asked(
    examples: Any, model: Any, tmp_path: Path, output: str
) -> None:
    """As the stock executor, which leaves the artifact as it was."""
    made = []
    for engine in ("arrow", "beam"):
        blessing = artifact("ModelBlessing", tmp_path)
        blessing.set_int_custom_property("blessed", 0)
        done = executed(
            engine, tmp_path / engine, examples, model, {}, output, model_blessing=[blessing]
        )
        assert not list(Path(done.uri).iterdir())
        made.append({k: str(v) for k, v in done.mlmd_artifact.custom_properties.items()})
    assert made[0] == made[1]


def test_a_blessed_model_is_asked(examples: Any, model: Any, tmp_path: Path) -> None:
    blessing = artifact("ModelBlessing", tmp_path)
    blessing.set_int_custom_property("blessed", 1)
    done = executed("arrow", tmp_path / "out", examples, model, {}, model_blessing=[blessing])
    assert list(Path(done.uri).iterdir())


def test_rows_that_get_lost_fail_the_step(
    examples: Any, model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from taxiway.arrow.bulk_inferrer.parquet import ParquetFile

    write_all = ParquetFile.write
    monkeypatch.setattr(
        ParquetFile,
        "write",
        lambda file, rows: write_all(file, {name: column[1:] for name, column in rows.items()}),
    )
    with pytest.raises(DataError, match="read 361 examples, and its files have 357 rows"):
        ours(tmp_path, examples, model)


KILLED = """
import os, pickle, signal, sys
from functools import partial
from taxiway.arrow.bulk_inferrer import infer
from taxiway.arrow.bulk_inferrer.parquet import ParquetFile
from taxiway.arrow.examples.reading import serialized
write, calls = ParquetFile.write, []
def dying(file, rows):
    write(file, rows)
    calls.append(1)
    if len(calls) == 6:
        os.kill(os.getpid(), signal.SIGKILL)
ParquetFile.write = dying
infer.serialized = partial(serialized, rows=64)
with open(sys.argv[1], "rb") as file:
    infer.infer_all(*pickle.load(file))
"""


def test_what_a_killed_attempt_leaves_is_not_taken_for_good(
    examples: Any, model: Any, tmp_path: Path, rows: dict[str, list[Rows]]
) -> None:
    from taxiway.arrow.bulk_inferrer.infer import Target, Work, infer_all
    from taxiway.arrow.bulk_inferrer.model import Signature

    out = tmp_path / "out"
    files = sorted(Path(examples.uri, "Split-train").iterdir())
    targets = {
        str(file): Target(f"{out}/Split-train/{number}.parquet")
        for number, file in enumerate(files)
    }
    work = Work(Signature(f"{model.uri}/Format-Serving"), (("key", "string"),))
    (tmp_path / "job").write_bytes(pickle.dumps((work, targets)))
    line = [sys.executable, "-c", KILLED, str(tmp_path / "job")]
    killed = subprocess.run(
        line, cwd=ROOT, env=environment(), capture_output=True, timeout=120, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    left = [path for path in out.iterdir() if path.is_file()]
    assert len(left) == 1, "the attempt that was under way"
    assert keys_in(out) == keys_of(rows["train"][:2])
    assert infer_all(work, targets) == sum(SIZES["train"])
    assert keys_in(out) == keys_of(rows["train"])


def environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT)}


def keys_in(folder: Path) -> list[str]:
    """As whoever reads the whole artifact sees them."""
    found = ds.dataset(str(folder), format="parquet")
    keys: list[str] = found.to_table(columns=["key"])["key"].to_pylist() if found.files else []
    return keys


def keys_of(files: list[Rows]) -> list[str]:
    return [each["key"][0].decode() for file in files for each in file]


@pytest.mark.parametrize("engine", ["arrow", "beam"])
def test_the_config_chooses_the_executor_and_the_pipeline_the_columns(engine: Any) -> None:
    from tfx.components import BulkInferrer
    from tfx.dsl.compiler import compiler
    from tfx.orchestration.pipeline import Pipeline
    from tfx.types import Channel
    from tfx.types.standard_artifacts import Examples, Model

    from taxiway.arrow.bulk_inferrer.columns import keep_columns
    from taxiway.arrow.executors import use_engine
    from taxiway.config.engine import Engine

    inferrer = BulkInferrer(examples=Channel(type=Examples), model=Channel(type=Model))
    keep_columns(inferrer, ["key"])
    use_engine(inferrer, "BulkInferrer", Engine(components={"BulkInferrer": engine}))
    ir = compiler.Compiler().compile(
        Pipeline(pipeline_name="p", pipeline_root="r", components=[inferrer])
    )
    (node,) = ir.nodes
    parameters = node.pipeline_node.parameters.parameters
    assert parameters["kept_columns"].field_value.string_value == '["key"]'
    path = {"arrow": "taxiway.arrow.bulk_inferrer.executor", "beam": "taxiway.arrow.checked_models"}
    assert inferrer.executor_spec.class_path.startswith(path[engine])
