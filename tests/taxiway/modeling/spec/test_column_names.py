"""Columns of any name: through Transform, network and signatures, and in requests as they are."""

from __future__ import annotations

import itertools
import keyword
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxiway.config.model import Hyperparameters
from taxiway.modeling.spec import (
    Binary,
    Bucketized,
    Categorical,
    FeatureSpec,
    Numeric,
)
from taxiway.modeling.spec.column_names import argument_names, column_name, stem
from taxiway.modeling.spec.columns import indicator_name, transformed_name
from tests.taxiway.modeling.conftest import weighted, zero_or_one

ODD = (
    *("hours-per-week", "two words", "two_words", " edge ", "PM2.5", "price (EUR)", "2nd_floor"),
    *("_x", "__x", "self", "cls", "name", "training", "inputs", "examples", "a/b", "a\\b", "a:0"),
    *(
        "størrelse",
        "東京",
        "🛬",
        "e\u0301",
        "é",
        "X",
        "x",
        "(label)",
        "utf8_78",
        "%s",
        "{x}",
        "a=b, c",
    ),
    *("def", "None", "w" * 300, "ü" * 200),
)
SPEC = FeatureSpec(
    task=Binary("sold? å"),
    key="row id",
    columns=(
        *(Numeric(name, indicator=True) for name in ODD[1::2]),
        *(
            Categorical(name, max_vocabulary=3, encoding=encoding, oov_buckets=place % 2)
            for place, (name, encoding) in enumerate(
                zip(ODD[::2], itertools.cycle(("one_hot", "embedding")), strict=False)
            )
        ),
        *(Bucketized(name, (0.0,)) for name in ODD[1::4]),
    ),
)
WORDS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)


@given(st.lists(WORDS | st.sampled_from([*ODD, *keyword.kwlist]), unique=True))
def test_names_for_others_are_plain_and_lead_back(names: list[str]) -> None:
    stems, arguments = [stem(name) for name in names], argument_names(names)
    lower = [argument.lower() for argument in arguments.values()]
    assert len(set(stems)) == len(set(lower)) == len(names)
    for name, argument in arguments.items():
        assert column_name(argument) == name
        assert argument.isascii()
        assert argument.isidentifier()
        assert not keyword.iskeyword(argument)
    assert all(one.isascii() and one.isidentifier() and len(one) <= 100 for one in stems)


@pytest.mark.parametrize("name", ["carrier", "sched_dep_minute", "Age", "x2"])
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    assert (stem(name), argument_names([name])) == (name, {name: name})
    assert transformed_name(Numeric(name)) == f"{name}_number_xf"


def test_an_argument_of_a_model_made_elsewhere_is_its_own_name() -> None:
    assert [column_name(one) for one in ("utf8_", "utf8_7", "utf8_ff")] == ["", "utf8_7", "utf8_ff"]


def test_all_outputs_of_transform_have_names_of_their_own() -> None:
    columns = [Numeric(name, indicator=True) for name in ODD]
    names = [name for c in columns for name in (transformed_name(c), indicator_name(c))]
    assert len({name.lower() for name in names}) == len(names) - 2  # X and x


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a model of columns with all odd names, through our Transform."""
    return _saved(SPEC, tmp_path_factory.mktemp("odd"))


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    """As the worker loads it."""
    from taxiway.modeling.exported.loaded_model import LoadedModel
    from taxiway.modeling.names import SERVING

    return LoadedModel(folder, SERVING)


def _saved(spec: FeatureSpec, folder: Path) -> Path:
    import keras
    import tensorflow as tf

    from taxiway.arrow.transform.analysis import analyze
    from taxiway.modeling.exported.signatures import ServedModel
    from taxiway.modeling.preprocessing import transform
    from taxiway.modeling.training.network import build_network
    from taxiway.workers.active import working
    from taxiway.workers.inline import InlineWorkers
    from taxiway.workers.job import Shard

    kinds = {
        name: tf.float32 if name in spec.numbers() else tf.string for name in spec.inputs()
    } | {spec.label: tf.int64, "slice ø": tf.string}
    raw = {name: tf.io.VarLenFeature(kind) for name, kind in kinds.items()}
    path = str(folder / "rows")
    with tf.io.TFRecordWriter(path) as file:
        for number in range(20):
            file.write(example(spec, row(spec, number)))
    with working(InlineWorkers(kind="inline")):
        analyzed = analyze(
            lambda inputs: transform(spec, inputs), raw, [Shard(path)], str(folder / "transform")
        )
    keras.utils.set_random_seed(4)
    network = build_network(spec, Hyperparameters(hidden_units=(32,), embedding_size=2))
    for name, answer in (("model", network), ("sum", _sum)):
        served = ServedModel(
            spec, zero_or_one(spec.label), analyzed.saved_model, raw, answer, weighted(1.0)
        )
        served.save(str(folder / name))
    return folder / "model"


def _sum(columns: dict[str, Any], training: bool) -> Any:
    """A network without variables, whose answer depends on every column."""
    import tensorflow as tf

    assert not training
    numbers = [tf.cast(columns[name], tf.float32) for name in sorted(columns)]
    sums = [tf.reduce_sum(number * (place + 1), axis=1) for place, number in enumerate(numbers)]
    return tf.expand_dims(tf.add_n(sums) / 1000, 1)


def row(spec: FeatureSpec, number: int) -> dict[str, Any]:
    """A value for most columns."""
    random = np.random.default_rng(number)
    values = {
        name: float(random.normal()) if name in spec.numbers() else f"ø{random.integers(3)}"
        for name in spec.inputs()
    }
    return {name: value for name, value in values.items() if random.random() < 0.9}


def example(spec: FeatureSpec, columns: dict[str, Any]) -> bytes:
    import tensorflow as tf

    made = tf.train.Example()
    made.features.feature[spec.label].int64_list.value.append(1)
    for name, value in columns.items():
        feature = made.features.feature[name]
        if isinstance(value, str):
            feature.bytes_list.value.append(value.encode())
        else:
            feature.float_list.value.append(value)
    return bytes(made.SerializeToString())


@pytest.mark.pipeline
@pytest.mark.xdist_group("odd columns")  # they share a model that takes long to export
class TestAModelOfOddColumns:
    """Numbers, categories and buckets: requests have the columns' own names."""

    def test_a_request_has_the_columns_own_names(self, model: Any) -> None:
        from taxiway.modeling.names import COLUMNS

        assert model.describe()[COLUMNS]["inputs"].keys() == set(ODD)
        rows = [row(SPEC, number) for number in range(5)]
        by_example = model.predict_examples([example(SPEC, one) for one in rows])["probability"]
        columns = {name: [one.get(name) for one in rows] for name in ODD}
        by_columns = model.predict_columns(columns)["probability"]
        np.testing.assert_allclose(by_columns, by_example, atol=1e-6)
        assert len(set(by_example.tolist())) == 5

    def test_each_column_is_told_from_the_others(self, model: Any) -> None:
        """None is taken for another of a similar name: alone it gives what it gives as example."""
        values: dict[str, Any] = {n: 1.5 if n in SPEC.numbers() else "ø1" for n in ODD}
        examples = [example(SPEC, {name: value}) for name, value in values.items()]
        by_example = model.predict_examples(examples)["probability"]
        columns = {
            name: [value if name == other else None for other in ODD]
            for name, value in values.items()
        }
        by_columns = model.predict_columns(columns)["probability"]
        np.testing.assert_allclose(by_columns, by_example, atol=1e-6)

    def test_a_misspelt_column_is_told_with_the_own_name(self, model: Any) -> None:
        from taxiway.modeling.exported.plain_columns import RequestError

        with pytest.raises(RequestError) as refused:
            model.predict_columns({"hours per week": [1]})
        assert str(refused.value) == (
            "unknown column 'hours per week'; did you mean 'hours-per-week'?"
        )

    def test_the_input_of_examples_is_called_like_no_column(self, model: Any) -> None:
        """TFMA would give it that column."""
        described = model.describe()
        for name in ("serving_default", "transform_features"):
            assert list(described[name]["inputs"]) == ["serialized_examples"]

    def test_a_server_that_is_not_python_finds_the_own_names_too(self, folder: Path) -> None:
        """TensorFlow Serving feeds the tensors that the SignatureDef names."""
        import tensorflow as tf

        from taxiway.modeling.exported.loaded_model import LoadedModel
        from taxiway.modeling.names import SERVING

        folder = folder.with_name("sum")

        one = row(SPEC, 3)
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(folder))
            signature = loaded.signature_def["serving_columns"]
            assert set(signature.inputs) == set(ODD)
            missing = {name: np.nan if name in SPEC.numbers() else "" for name in ODD}
            given = {name: [one.get(name, missing[name])] for name in ODD}
            answer = session.run(
                signature.outputs["probability"].name,
                {signature.inputs[name].name: value for name, value in given.items()},
            )
        model = LoadedModel(folder, SERVING)
        expected = model.predict_examples([example(SPEC, one)])["probability"]
        np.testing.assert_allclose(answer, expected, atol=1e-6)
