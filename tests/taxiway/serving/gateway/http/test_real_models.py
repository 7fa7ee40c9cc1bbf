"""Real models, one in a real worker, asked over REST: every way gives its signature's numbers."""

from __future__ import annotations

import asyncio
import base64
import math
from collections.abc import Iterator
from itertools import starmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.access.refusal import Code, Refusal
from taxiway.config.serving import Limits, ProcessBackend
from taxiway.modeling.exported.class_names import classes_of
from taxiway.serving.backend.fault import fault_of
from taxiway.serving.backend.process import load
from taxiway.serving.requests.ask import Answer, Ask, Column, Described, Signature
from taxiway.serving.requests.examples import serialized_example
from taxiway.serving.worker.errors import WorkerError
from tests.taxiway.serving.gateway.head_models import CLASSES, TASKS, save_model
from tests.taxiway.serving.gateway.http.conftest import Rest, serving

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("model_worker")]

ROWS: list[dict[str, Any]] = [
    {"origin": "JFK", "distance": 2475.0},
    {"origin": "", "distance": 187.5},
    {"origin": "a name of many letters"},
    {"distance": -3.0},
    {"origin": "ÄÖ", "distance": 1e6},
]
PLACES = 1e-6


class InProcess:
    """A `LoadedVersion` in this process: what its worker would have loaded, without the worker."""

    def __init__(self, folder: Path) -> None:
        from taxiway.modeling.exported.loaded_model import LoadedModel

        self._model = LoadedModel(folder, "serving_default")
        classes = self._model.classes()
        self.signatures = {
            name: Signature(
                tuple(starmap(Column, of["inputs"].items())),
                tuple(starmap(Column, of["outputs"].items())),
                tuple(classes.get(name, ())),
            )
            for name, of in self._model.describe().items()
        }

    async def predict_columns(self, columns: Any, deadline: float) -> Any:
        return self._model.predict_columns(columns)

    async def predict_examples(self, examples: Any, deadline: float) -> Any:
        return self._model.predict_examples(examples)

    async def close(self) -> None:
        pass


class OneVersionEach:
    """A `Service` of one version of each model, without batches, routes or a log."""

    def __init__(self) -> None:
        self.loaded: dict[str, Any] = {}

    async def load(self, folders: dict[str, Path]) -> None:
        """One of several classes in a worker, the others here."""
        backend = ProcessBackend(kind="process")
        for task, folder in folders.items():
            in_worker = task == "multi_class"
            version = load(folder, backend, Limits()) if in_worker else None
            self.loaded[task] = await version if version else InProcess(folder)

    async def close(self) -> None:
        await asyncio.gather(*(one.close() for one in self.loaded.values()))

    async def ask(self, ask: Ask) -> Answer:
        version = self._version(ask.model)
        try:
            if ask.examples is not None:
                outputs = await version.predict_examples(ask.examples, ask.deadline)
            else:
                outputs = await version.predict_columns(ask.columns, ask.deadline)
        except WorkerError as error:
            raise fault_of(error) from None
        return Answer(outputs, "1.0.0", 1)

    def describe(self, model: str, version: str = "", label: str = "") -> Described:
        signatures = self._version(model).signatures
        return Described(model, "1.0.0", 1, "AVAILABLE", signatures=signatures)

    def _version(self, model: str) -> Any:
        if model not in self.loaded:
            raise Refusal(Code.NOT_FOUND, f"no model '{model}'")
        return self.loaded[model]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("heads")
    return {task: save_model(task, folder / task) for task in TASKS}


@pytest.fixture(scope="module")
def real(models: dict[str, Path]) -> Iterator[Rest]:
    """REST before these models, each in a worker."""
    service = OneVersionEach()
    with serving(service) as rest:
        asyncio.run_coroutine_threadsafe(service.load(models), rest.loop).result(120)
        yield rest
        asyncio.run_coroutine_threadsafe(service.close(), rest.loop).result(30)


@pytest.fixture(scope="module")
def signature(models: dict[str, Path]) -> Any:
    """What a signature of a model says of ROWS, asked by TensorFlow itself."""
    import tensorflow as tf

    loaded = {task: tf.saved_model.load(str(folder)) for task, folder in models.items()}

    def asked(task: str, name: str) -> dict[str, np.ndarray]:
        serialized = tf.constant([serialized_example(row) for row in ROWS])
        answer = loaded[task].signatures[name](serialized)
        return {key: tensor.numpy() for key, tensor in answer.items()}

    return asked


def test_examples_made_without_tensorflow_are_read_by_it(models: dict[str, Path]) -> None:
    import tensorflow as tf

    features = {
        "text": ["a", b"\xff", "ö"],
        "whole": [0, -1, 2**63 - 1, -(2**63), True],
        "numbers": [0.1, -0.0, 3e38, math.inf],
        "one": 7,
        "none": None,
        "ö": "a name",
    }
    example = tf.train.Example.FromString(serialized_example(features))
    found = example.features.feature
    assert list(found["text"].bytes_list.value) == [b"a", b"\xff", "ö".encode()]
    assert list(found["whole"].int64_list.value) == [0, -1, 2**63 - 1, -(2**63), 1]
    np.testing.assert_array_equal(
        np.array(found["numbers"].float_list.value, np.float32),
        np.array(features["numbers"], np.float32),
    )
    assert list(found["one"].int64_list.value) == [7]
    assert found["none"].WhichOneof("kind") is None
    assert list(found["ö"].bytes_list.value) == [b"a name"]
    assert len(found) == len(features)


@pytest.mark.parametrize("task", ["binary", "multi_class"])
def test_classify_gives_what_its_signature_gives(real: Rest, signature: Any, task: str) -> None:
    expected = signature(task, "classify")
    answer = real.post(f"/v1/models/{task}:classify", {"examples": ROWS})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    labels = [[label.encode() for label, _ in row] for row in results]
    assert labels == expected["classes"].tolist()
    scores = [[score for _, score in row] for row in results]
    np.testing.assert_allclose(scores, expected["scores"], rtol=0, atol=PLACES)


def test_regress_gives_what_its_signature_gives(real: Rest, signature: Any) -> None:
    expected = signature("regression", "regress")["outputs"]
    answer = real.post("/v1/models/regression:regress", {"examples": ROWS})
    np.testing.assert_allclose(answer.json()["results"], expected, rtol=PLACES)


def test_predict_asked_for_classify_gives_its_outputs(real: Rest, signature: Any) -> None:
    expected = signature("multi_class", "classify")
    examples = [{"b64": base64.b64encode(serialized_example(row)).decode()} for row in ROWS]
    document = {"signature_name": "classify", "inputs": {"inputs": examples}}
    outputs = real.post("/v1/models/multi_class:predict", document).json()["outputs"]
    assert outputs["classes"] == [[name.decode() for name in row] for row in expected["classes"]]
    np.testing.assert_allclose(outputs["scores"], expected["scores"], rtol=0, atol=PLACES)


@pytest.mark.parametrize("task", TASKS)
def test_every_way_of_asking_gives_the_same_numbers(real: Rest, signature: Any, task: str) -> None:
    expected = signature(task, "serving_default")
    name = next(key for key in expected if key != "class")
    predict, infer = f"/v1/models/{task}:predict", f"/v2/models/{task}/infer"
    serialized = [base64.b64encode(serialized_example(row)).decode() for row in ROWS]
    columns = {key: [row.get(key) for row in ROWS] for key in ("origin", "distance")}
    tensors = [
        {"name": key, "shape": [len(ROWS)], "datatype": datatype, "data": columns[key]}
        for key, datatype in (("origin", "BYTES"), ("distance", "FP32"))
    ]
    by_row = real.post(predict, {"instances": ROWS}).json()["predictions"]
    by_column = real.post(predict, {"inputs": columns}).json()["outputs"]
    examples = {"instances": [{"b64": one} for one in serialized]}
    by_example = real.post(predict, examples).json()["predictions"]
    inferred = real.post(infer, {"inputs": tensors, "outputs": [{"name": name}]}).json()
    several = len(expected) > 1
    for found in (
        [row[name] for row in by_row] if several else by_row,
        by_column[name] if several else by_column,
        [row[name] for row in by_example] if several else by_example,
        np.reshape(inferred["outputs"][0]["data"], inferred["outputs"][0]["shape"]),
    ):
        np.testing.assert_allclose(found, expected[name], rtol=PLACES, atol=PLACES)


def test_a_column_that_the_model_has_not_is_refused_by_name(real: Rest) -> None:
    answer = real.post("/v1/models/multi_class:predict", {"instances": [{"orign": "JFK"}]})
    assert answer.status_code == 400
    assert "did you mean 'origin'?" in answer.json()["error"]
    assert real.get("/v2/health/live").status_code == 200


def test_classes_are_named_in_the_graph_or_not_known(models: dict[str, Path]) -> None:
    import tensorflow as tf

    found = {
        task: classes_of(tf.saved_model.load(str(folder)).signatures)
        for task, folder in models.items()
    }
    assert found == {
        "binary": {"classify": ["not late", "late"]},
        "multi_class": {"classify": list(CLASSES)},
        "regression": {},
    }
