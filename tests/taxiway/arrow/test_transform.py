"""Transform: the arrow engine's graph, vocabularies and examples are tf.Transform's own."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.errors import ConfigError
from taxiway.modeling.exported.operations import check_model
from taxiway.modeling.exported.saved_model import ModelRefused
from tests.taxiway.arrow.conftest import SHARDS, Awkward, run

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("transform")]
FUNCTION = Path(__file__).with_name("every_analyzer.py")
PROPERTIES = {
    "module_file": str(FUNCTION),
    "custom_config": "null",
    "disable_statistics": 1,
    "force_tf_compat_v1": 0,
}


@pytest.fixture(scope="module")
def both(awkward: Awkward, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """What both engines wrote: transform graph and transformed examples."""
    from tfx.components.transform.executor import Executor as Stock

    from taxiway.arrow.transform.executor import Executor

    ours, stock = (
        transformed(executor, awkward, tmp_path_factory.mktemp("transform"))
        for executor in (Executor, Stock)
    )
    return ours, stock


def transformed(executor: Any, awkward: Awkward, folder: Path, **properties: Any) -> Any:
    from tfx.types.standard_artifacts import Examples, TransformGraph

    return run(
        executor,
        folder,
        {"examples": [awkward.examples], "schema": [awkward.schema]},
        {"transform_graph": TransformGraph, "transformed_examples": Examples},
        PROPERTIES | properties,
    )


def output(artifacts: Any) -> Any:
    import tensorflow_transform as tft

    return tft.TFTransformOutput(artifacts["transform_graph"].uri)


def rows(artifacts: Any, split: str) -> list[dict[str, Any]]:
    """The transformed examples of a split."""
    import tensorflow as tf

    files = sorted(Path(artifacts["transformed_examples"].uri, f"Split-{split}").iterdir())
    records = tf.data.TFRecordDataset([str(file) for file in files], compression_type="GZIP")
    spec = output(artifacts).transformed_feature_spec()
    parsed = [tf.io.parse_single_example(record, spec) for record in records]
    return [{name: _values(value) for name, value in row.items()} for row in parsed]


def _values(value: Any) -> Any:
    return (value.values if hasattr(value, "values") else value).numpy().ravel()


def test_both_transform_every_row_alike(both: tuple[Any, Any]) -> None:
    for split, sizes in SHARDS.items():
        mine, theirs = (sorted(rows(side, split), key=_order) for side in both)
        assert len(mine) == len(theirs) == sum(sizes)
        for row, other in zip(mine, theirs, strict=True):
            assert row.keys() == other.keys()
            for name, value in row.items():
                np.testing.assert_allclose(value, other[name], rtol=1e-5, atol=1e-6, err_msg=name)


def _order(row: dict[str, Any]) -> Any:
    """An order that does not hang on the last digits."""
    return [
        [round(float(value), 3) for value in row[name]]
        for name in ("minmax", "vocabulary", "many", "label", "z", "weighted", "integers")
    ]


def test_both_write_the_same_vocabularies(both: tuple[Any, Any]) -> None:
    ours, stock = (Path(output(side).transform_savedmodel_dir, "assets") for side in both)
    names = sorted(file.name for file in stock.iterdir())
    assert [file.name for file in sorted(ours.iterdir())] == names
    for name in names:
        if name.endswith(".gz"):
            assert _records(ours / name) == _records(stock / name)
        elif name == "weighted":  # the order of a sum of floats is not defined
            assert sorted((ours / name).read_text()) == sorted((stock / name).read_text())
        else:
            assert (ours / name).read_bytes() == (stock / name).read_bytes(), name


def _records(path: Path) -> list[bytes]:
    import tensorflow as tf

    return [r.numpy() for r in tf.data.TFRecordDataset(str(path), compression_type="GZIP")]


def test_both_describe_what_they_made_alike(both: tuple[Any, Any]) -> None:
    ours, stock = (output(side) for side in both)
    assert ours.transformed_metadata.schema == stock.transformed_metadata.schema
    assert ours.raw_metadata.schema == stock.raw_metadata.schema
    for name in ("stored", "often", "weighted", "records", "shuffled", "integers"):
        assert ours.vocabulary_size_by_name(name) == stock.vocabulary_size_by_name(name)


def test_a_model_may_have_what_either_puts_into_its_graph(both: tuple[Any, Any]) -> None:
    """But for vocabularies in TFRecords: what reads those has to be allowed by name."""
    names = "FlatMap Map Range TFRecord TensorSlice Zip"
    datasets = [f"{name}Dataset" for name in names.split()]
    for side in both:
        graph = output(side).transform_savedmodel_dir
        with pytest.raises(ModelRefused, match="has the operations FlatMapDataset"):
            check_model(graph)
        check_model(graph, [*datasets, "TFRecordDatasetV2", "InitializeTableFromDataset"])


def test_both_leave_the_same_folders(both: tuple[Any, Any]) -> None:
    def folders(artifacts: Any) -> Any:
        uri = Path(artifacts["transform_graph"].uri)
        return Counter(str(path.relative_to(uri)) for path in uri.rglob("*"))

    assert folders(both[0]) == folders(both[1])


def test_a_file_of_examples_becomes_a_file_of_transformed_ones(both: tuple[Any, Any]) -> None:
    uri = Path(both[0]["transformed_examples"].uri)
    for split, sizes in SHARDS.items():
        assert len(list((uri / f"Split-{split}").iterdir())) == len(sizes)
    assert not [path for path in uri.iterdir() if not path.name.startswith("Split-")]


def test_another_graph_at_the_same_path_is_not_taken_for_the_first(
    awkward: Awkward, tmp_path: Path
) -> None:
    """As where artifacts are numbered from 1 again, and a Dask worker has outlived that."""
    from taxiway.arrow.transform.executor import Executor

    for constant in (1.0, 2.0):
        module = tmp_path / f"user_{constant:.0f}.py"
        module.write_text(
            "def preprocessing_fn(inputs):\n"
            f"    return {{'only': inputs['weight'] * 0 + {constant}}}\n"
        )
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        made = transformed(Executor, awkward, tmp_path / "out", module_file=str(module))
        for split, sizes in SHARDS.items():
            answers = [float(row["only"][0]) for row in rows(made, split)]
            assert answers == [constant] * sum(sizes)


def test_reserved_tokens_are_looked_at_once_however_many_tokens_there_are(tmp_path: Path) -> None:
    from types import SimpleNamespace

    from tensorflow_transform import analyzer_nodes

    from taxiway.arrow.transform.analyzers import EVALUATORS, Surroundings

    hashed = []

    class Token(bytes):
        def __hash__(self) -> int:
            hashed.append(self)
            return super().__hash__()

    node = SimpleNamespace(
        fingerprint_shuffle=False,
        input_dtype="string",
        store_frequency=False,
        vocab_filename="words",
        file_format="text",
    )
    counts = [(n, f"word {n}".encode()) for n in range(1, 100)]
    write = EVALUATORS[analyzer_nodes.VocabularyOrderAndWrite]
    write(node, [counts, [Token(b"first"), Token(b"word 50")]], Surroundings(None, str(tmp_path)))
    lines = (tmp_path / "words").read_bytes().splitlines()
    assert lines[:3] == [b"first", b"word 50", b"word 99"]
    assert len(lines) == len(set(lines)) == 100
    assert len(hashed) == 2


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("tft.vocabulary(inputs['text'], labels=inputs['label'])", "ordered by frequency"),
        (
            "tft.experimental.approximate_vocabulary(inputs['text'], top_k=2)",
            "approximate_vocabulary",
        ),
    ],
)
def test_an_analyzer_that_only_beam_knows_is_refused_by_name(
    awkward: Awkward, tmp_path: Path, body: str, name: str
) -> None:
    from taxiway.arrow.transform.executor import Executor

    module = tmp_path / "user.py"
    module.write_text(
        "import tensorflow_transform as tft\n"
        "def preprocessing_fn(inputs):\n"
        f"    {body}\n"
        "    return {'label': inputs['label']}\n"
    )
    with pytest.raises(ConfigError, match=f"({name}).*use engine: beam") as error:
        transformed(Executor, awkward, tmp_path / "out", module_file=str(module))
    assert "engine.components.Transform" in error.value.edit


@pytest.mark.parametrize("asked", [{"disable_statistics": 0}, {"force_tf_compat_v1": 1}])
def test_a_property_that_only_beam_knows_is_refused_by_name(
    awkward: Awkward, tmp_path: Path, asked: dict[str, int]
) -> None:
    from taxiway.arrow.transform.executor import Executor

    with pytest.raises(ConfigError, match=f"{next(iter(asked))}.*use engine: beam"):
        transformed(Executor, awkward, tmp_path / "out", **asked)
