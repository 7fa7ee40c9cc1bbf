"""InfraValidator blesses a model that answers well and in time, and says why it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.infra_validator.logic import InfraResult, validate
from taxiway.config.gates import InfraValidation
from taxiway.serving.worker.client import ModelWorker

# a generous budget: what is tried is the answer, not this machine
GENEROUS = InfraValidation(
    requests=3, rows_per_request=2, latency_budget_ms=60_000, memory_limit_mb=1024
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model artifact whose SavedModel does what its first row says."""
    import tensorflow as tf

    class Tiny(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples: Any) -> dict[str, Any]:
            order = examples[0]
            tf.debugging.assert_none_equal(order, "fail", message="told to fail")
            turns = tf.constant(0, tf.int64)
            while order == "forever" and turns >= 0:
                turns += 1
            nothing = tf.minimum(tf.cast(turns, tf.float32), 0.0)
            one = tf.where(order == "nan", float("nan"), tf.where(order == "two", 2.0, 0.5))
            rows = tf.where(order == "short", 1, tf.size(examples))
            return {"probability": tf.fill([rows], one + nothing)}

    folder = tmp_path_factory.mktemp("model")
    tiny = Tiny()
    saved = str(folder / "Format-Serving")
    tf.saved_model.save(tiny, saved, signatures={"serving_default": tiny.serve})
    return folder


def test_a_split_without_rows_blesses_nothing(tmp_path: Path) -> None:
    result = validate(tmp_path, [], GENEROUS)
    assert result == InfraResult(blessed=False, reason="the eval split has no rows to send")


@pytest.mark.pipeline
def test_a_good_model_is_blessed_with_its_latencies(model: Path) -> None:
    # fewer rows than are asked for: they are sent again
    result = validate(model / "Format-Serving", [b"a", b"b", b"c"], GENEROUS)
    assert result.blessed
    assert result.reason == ""
    assert result.requests == 3
    assert 0 < result.latency_p50_ms <= result.latency_p95_ms <= result.latency_p99_ms
    assert result.load_seconds > 0
    assert result.isolation.startswith("network: ")


@pytest.mark.pipeline
@pytest.mark.one_stack
@pytest.mark.parametrize(
    ("order", "changed", "reason"),
    [
        (b"nan", {}, "answers nan"),
        (b"two", {}, "answers 2.0, expected 0 to 1"),
        (b"short", {}, "has shape [1] for a request of 2 row(s)"),
        (b"fail", {}, "told to fail"),
        (b"forever", {"request_timeout_seconds": 0.5}, "no answer within 0.5 s"),
        (b"well", {"latency_budget_ms": 1e-6}, "infra_validation.latency_budget_ms is 1e-06"),
        (b"well", {"load_timeout_seconds": 0.1}, "did not load within 0.1 s"),
    ],
)
def test_a_model_that_misbehaves_is_not_blessed(
    model: Path, order: bytes, changed: dict[str, float], reason: str
) -> None:
    config = GENEROUS.model_copy(update=changed)
    result = validate(model / "Format-Serving", [b"well", b"well", order, b"well"], config)
    assert not result.blessed
    assert reason in result.reason


@pytest.mark.pipeline
def test_what_is_no_model_is_not_blessed(tmp_path: Path) -> None:
    result = validate(tmp_path, [b"a"], GENEROUS)
    assert not result.blessed
    assert "is no SavedModel: saved_model.pb cannot be read" in result.reason


NO_LANDLOCK = "this kernel has no Landlock, or it is turned off"


@pytest.fixture
def without_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker on a kernel that has none."""
    command = ModelWorker._command
    program = (
        "import sys; from taxiway.serving.worker import landlock; landlock.abi = lambda: 0; "
        "from taxiway.serving.worker.__main__ import main; sys.exit(main())"
    )

    def patched(worker: ModelWorker, path: Path) -> list[str]:
        python, _, _, *arguments = command(worker, path)
        return [python, "-c", program, *arguments]

    monkeypatch.setattr(ModelWorker, "_command", patched)


@pytest.mark.pipeline
@pytest.mark.usefixtures("without_landlock")
def test_what_is_missing_of_the_isolation_is_named_and_ends_the_trial_where_it_is_required(
    model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blessing = execute(model, tmp_path, [b"a"] * 8)
    assert blessing.get_int_custom_property("blessed") == 1
    assert blessing.get_string_custom_property("missing") == f"files: {NO_LANDLOCK}"
    assert caplog.messages[-1] == (
        f"the model was tried without all of its isolation: files: {NO_LANDLOCK}"
    )
    required = GENEROUS.model_copy(update={"isolation": "required"})
    result = validate(model / "Format-Serving", [b"a"], required)
    assert result == InfraResult(
        blessed=False,
        reason="the model was not loaded, for the worker cannot be isolated as required: "
        f"network: none, files: unrestricted ({NO_LANDLOCK}), privileges: none, "
        "system calls: filtered, memory: 1024 MB; edit infra_validation.isolation",
        missing=f"files: {NO_LANDLOCK}",
    )


def execute(model: Path, tmp_path: Path, rows: list[bytes]) -> Any:
    """Runs the executor with real artifacts and gives the blessing."""
    import tensorflow as tf
    from tfx.types.standard_artifacts import Examples, InfraBlessing, Model

    from components.infra_validator.component import InfraValidatorExecutor

    given, examples, blessing = Model(), Examples(), InfraBlessing()
    given.uri = str(model)
    examples.uri, blessing.uri = str(tmp_path / "examples"), str(tmp_path / "blessing")
    examples.split_names = json.dumps(["train", "eval"])
    (tmp_path / "blessing").mkdir()
    split = tmp_path / "examples" / "Split-eval"
    split.mkdir(parents=True)
    half = len(rows) // 2
    for shard, part in enumerate([rows[:half], rows[half:]]):
        path = str(split / f"data_tfrecord-0000{shard}-of-00002.gz")
        with tf.io.TFRecordWriter(path, options="GZIP") as writer:
            for row in part:
                writer.write(row)
    InfraValidatorExecutor().Do(
        {"model": [given], "examples": [examples]},
        {"blessing": [blessing]},
        {"config": GENEROUS.model_dump_json(), "allowed_operations": "[]"},
    )
    return blessing


@pytest.mark.pipeline
def test_the_component_writes_its_blessing_and_all_it_found(model: Path, tmp_path: Path) -> None:
    blessing = execute(model, tmp_path, [b"a"] * 8)
    written = json.loads((tmp_path / "blessing" / "infra_validation.json").read_text())
    assert (tmp_path / "blessing" / "INFRA_BLESSED").exists()
    assert blessing.get_int_custom_property("blessed") == 1
    assert blessing.get_int_custom_property("requests") == 3
    assert blessing.get_string_custom_property("reason") == ""
    assert blessing.get_string_custom_property("isolation") == written["isolation"]
    assert blessing.get_float_custom_property("latency_p99_ms") == written["latency_p99_ms"] > 0
    assert InfraResult(**written).blessed


@pytest.mark.pipeline
def test_a_model_that_is_not_blessed_is_no_failure_of_the_node(model: Path, tmp_path: Path) -> None:
    blessing = execute(model, tmp_path, [b"a"] * 4 + [b"nan"] * 4)
    assert not (tmp_path / "blessing" / "INFRA_BLESSED").exists()
    assert (tmp_path / "blessing" / "INFRA_NOT_BLESSED").exists()
    assert blessing.get_int_custom_property("blessed") == 0
    assert "answers nan" in blessing.get_string_custom_property("reason")
    assert blessing.get_int_custom_property("requests") == 3


@pytest.mark.pipeline
def test_the_component_can_be_wired() -> None:
    from tfx.types.channel import Channel
    from tfx.types.standard_artifacts import Examples, InfraBlessing, Model

    from components.infra_validator.component import InfraValidator

    node = InfraValidator(
        model=Channel(type=Model),
        examples=Channel(type=Examples),
        config=GENEROUS.model_dump_json(),
    )
    assert node.id == "InfraValidator"
    assert node.outputs["blessing"].type is InfraBlessing
