"""BulkInferrer: the arrow engine answers as the stock one, in Parquet and in order."""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from configs.errors import ConfigError, DataError
from tests.engines.conftest import row, run, write
from tests.engines.stock import ROOT

pytestmark = pytest.mark.pipeline
SIZES = {"train": (200, 1, 0, 90), "eval": (70,)}
"""Rows of each file; one has a single row, one has none."""
KEPT = ("key", "text", "number", "empty", "label")
TEXTS = '{"model_signature_name": ["texts"]}'
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def rows() -> dict[str, list[Rows]]:
    """By split and file: awkward rows that have a key."""
    random = np.random.default_rng(7)
    return {
        split: [
            [{**row(random), "key": [f"{split} {file} {n} ü".encode()]} for n in range(size)]
            for file, size in enumerate(sizes)
        ]
        for split, sizes in SIZES.items()
    }


@pytest.fixture(scope="module")
def examples(rows: dict[str, list[Rows]], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The rows as an artifact."""
    folder = tmp_path_factory.mktemp("examples")
    for split, files in rows.items():
        for number, file in enumerate(files):
            name = f"data_tfrecord-{number:05d}-of-{len(files):05d}.gz"
            write(folder / f"Split-{split}" / name, file)
    return artifact("Examples", folder, list(rows))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Answers with a number, a list and a column of one; `texts` with a text.

    The engines ask in batches of other sizes, and TensorFlow's sigmoid of a row depends on its
    place in the batch by up to 4e-7 of itself. So no score is the difference of two others: that
    would turn this rounding into more than the 1e-6 by which the engines may differ.
    """
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("model")
    features = {
        "weight": tf.io.FixedLenFeature([], tf.float32),
        "count": tf.io.FixedLenFeature([], tf.int64),
        "text": tf.io.FixedLenFeature([], tf.string, default_value="none"),
    }

    def serve(examples: Any) -> dict[str, Any]:
        columns = tf.io.parse_example(examples, features)
        logit = columns["weight"] * 3 - 1
        return {
            "probability": tf.sigmoid(logit),
            "scores": tf.stack([tf.sigmoid(-logit), tf.sigmoid(logit)], axis=1),
            "twice": tf.reshape(columns["count"] * 2, [-1, 1]),
        }

    def say(examples: Any) -> dict[str, Any]:
        columns = tf.io.parse_example(examples, features)
        return {"said": tf.strings.join(["said ", columns["text"]])}

    module = tf.Module()
    spec = [tf.TensorSpec([None], tf.string, name="examples")]
    module.serve = tf.function(serve, input_signature=spec)
    module.say = tf.function(say, input_signature=spec)
    module.whole = tf.function(lambda examples: {"rows": tf.size(examples)}, input_signature=spec)
    module.columns = tf.function(
        lambda weight: {"probability": weight},
        input_signature=[tf.TensorSpec([None], tf.float32, name="weight")],
    )
    tf.saved_model.save(
        module,
        str(folder / "Format-Serving"),
        signatures={
            "serving_default": module.serve,
            "texts": module.say,
            "whole": module.whole,
            "columns": module.columns,
        },
    )
    return artifact("Model", folder)


@pytest.fixture(scope="module")
def predictions(examples: Any, model: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The InferenceResult of the arrow engine, in several batches a file."""
    from components.bulk_inferrer import infer
    from components.examples.reading import serialized

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(infer, "serialized", partial(serialized, rows=64))
        return ours(tmp_path_factory.mktemp("ours"), examples, model)


def artifact(kind: str, folder: Path, splits: list[str] | None = None) -> Any:
    from tfx.components.util import examples_utils
    from tfx.proto import example_gen_pb2
    from tfx.types import artifact_utils, standard_artifacts

    made = getattr(standard_artifacts, kind)()
    made.uri = str(folder)
    if splits:
        made.split_names = artifact_utils.encode_split_names(splits)
        examples_utils.set_payload_format(made, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(made, "tfrecords_gzip")
    return made


def ours(folder: Path, examples: Any, model: Any, **properties: Any) -> Any:
    """The arrow engine's InferenceResult."""
    return executed("arrow", folder, examples, model, properties)


def executed(
    engine: str,
    folder: Path,
    examples: Any,
    model: Any,
    properties: Mapping[str, Any],
    output: str = "inference_result",
    **more: Any,
) -> Any:
    from tfx.components.bulk_inferrer.executor import Executor as Stock
    from tfx.types import standard_artifacts

    from components.bulk_inferrer.executor import Executor

    kinds = {
        "inference_result": standard_artifacts.InferenceResult,
        "output_examples": standard_artifacts.Examples,
    }
    given = {"data_spec": "{}", "model_spec": "{}", "kept_columns": json.dumps(KEPT)}
    return run(
        {"arrow": Executor, "beam": Stock}[engine],
        folder,
        {
            "examples": examples if isinstance(examples, list) else [examples],
            "model": [model],
            **more,
        },
        {output: kinds[output]},
        {**given, **properties},
    )[output]


def table(result: Any, split: str, file: int) -> Any:
    (path,) = Path(result.uri, f"Split-{split}").glob(f"predictions-{file:05d}-of-*.parquet")
    return pq.read_table(path)


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


def test_output_examples_are_those_of_the_stock_engine(
    examples: Any, model: Any, tmp_path: Path
) -> None:
    columns = [
        {"output_key": "probability", "output_column": "p"},
        {"output_key": "scores", "output_column": "both"},
        {"output_key": "twice", "output_column": "double"},
    ]
    properties = {
        "output_example_spec": json.dumps(
            {"output_columns_spec": [{"predict_output": {"output_columns": columns}}]}
        )
    }
    mine, theirs = (
        executed(engine, tmp_path / engine, examples, model, properties, "output_examples")
        for engine in ("arrow", "beam")
    )
    assert mine.split_names == theirs.split_names
    for split, sizes in SIZES.items():
        found, expected = by_key(mine, split), by_key(theirs, split)
        assert list(found) == [f"{split} {f} {n} ü" for f, s in enumerate(sizes) for n in range(s)]
        assert found.keys() == expected.keys()
        for key, features in expected.items():
            assert found[key].keys() == features.keys()
            for name, (kind, values) in features.items():
                assert found[key][name][0] == kind, name
                assert found[key][name][1] == pytest.approx(values, rel=1e-6), name


def by_key(artifact: Any, split: str) -> dict[str, dict[str, tuple[str, list[Any]]]]:
    """Features of output examples: their kinds and values."""
    import tensorflow as tf

    found = {}
    for path in sorted(Path(artifact.uri, f"Split-{split}").iterdir()):
        for record in tf.data.TFRecordDataset(str(path), compression_type="GZIP"):
            features = tf.train.Example.FromString(record.numpy()).features.feature
            read = {}
            for name, feature in features.items():
                kind = feature.WhichOneof("kind")
                read[name] = (kind or "", list(getattr(feature, kind).value) if kind else [])
            found[read["key"][1][0].decode()] = read
    return found


def test_features_are_appended_whatever_wrote_the_example() -> None:
    import pyarrow as pa
    import tensorflow as tf

    from components.bulk_inferrer.appending import Appender

    def one(name: str, size: int) -> bytes:
        example = tf.train.Example()
        example.features.feature[name].bytes_list.value.append(b"x" * size)
        return bytes(example.SerializeToString())

    whole = [one("a", 1), one("a", 200), one("a", 70000), b""]
    in_parts = [one("a", 1) + one("b", 1)]
    column = pa.array([float(n) for n in range(5)], pa.float32())
    found = Appender().append([*whole, *in_parts], {"p": column})
    for number, (before, after) in enumerate(zip([*whole, *in_parts], found, strict=True)):
        expected = tf.train.Example.FromString(before)
        expected.features.feature["p"].float_list.value.append(number)
        assert tf.train.Example.FromString(after) == expected


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


def test_rows_that_get_lost_fail_the_step(
    examples: Any, model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from components.bulk_inferrer.parquet import ParquetFile

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
from components.bulk_inferrer import infer
from components.bulk_inferrer.parquet import ParquetFile
from components.examples.reading import serialized
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
    from components.bulk_inferrer.infer import Target, Work, infer_all
    from components.bulk_inferrer.model import Signature

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

    from components.bulk_inferrer.columns import keep_columns
    from configs.engines import Engine
    from pipelines.engines import use_engine

    inferrer = BulkInferrer(examples=Channel(type=Examples), model=Channel(type=Model))
    keep_columns(inferrer, ["key"])
    use_engine(inferrer, "BulkInferrer", Engine(components={"BulkInferrer": engine}))
    ir = compiler.Compiler().compile(
        Pipeline(pipeline_name="p", pipeline_root="r", components=[inferrer])
    )
    (node,) = ir.nodes
    parameters = node.pipeline_node.parameters.parameters
    assert parameters["kept_columns"].field_value.string_value == '["key"]'
    path = {"arrow": "components.bulk_inferrer.executor", "beam": "tfx.components.bulk_inferrer"}
    assert inferrer.executor_spec.class_path.startswith(path[engine])


@pytest.fixture(autouse=True, scope="module")
def _forgotten() -> Iterator[None]:
    """Models are kept for the next file; those of this module end with it."""
    yield
    from components.bulk_inferrer.model import load

    load.cache_clear()
