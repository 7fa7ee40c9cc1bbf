"""The stock executors through a job server and external workers: what they make is the same.

Beam's own Python job server always; Flink's where BEAM_FLINK_JOB_SERVER_JAR names its jar.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from tests.taxiway.arrow.conftest import Awkward
from tests.taxiway.arrow.evaluator.evaluations import (
    differences,
    metrics_of,
    save_model,
    verdict_of,
)
from tests.taxiway.arrow.stock import ROOT, STEPS, alone, run_stock
from tests.taxiway.arrow.test_statistics_gen import features, same
from tests.taxiway.arrow.test_transform import output, rows
from tests.tied import tied

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("portable")]
JAR: Final = "BEAM_FLINK_JOB_SERVER_JAR"
SECONDS: Final = 300
"""When to give up; it takes half a minute on two idle cores."""


@pytest.fixture(scope="module")
def inputs(awkward: Awkward, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Examples, schema and a model that answers with a column, side by side."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("inputs")
    (folder / "examples").symlink_to(awkward.examples.uri)
    (folder / "schema").symlink_to(awkward.schema.uri)
    save_model(
        lambda columns: {"probability": tf.clip_by_value(columns["weight"], 0.0, 1.0)},
        {"weight": tf.io.FixedLenFeature([], tf.float32)},
        folder / "model" / "Format-Serving",
    )
    return folder


@pytest.fixture(scope="module")
def direct(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the executors make in this process."""
    folder = tmp_path_factory.mktemp("direct")
    run_stock(folder, inputs, ["beam.kind=direct"])
    return folder


@pytest.fixture(scope="module", params=["python", "flink"])
def portable(
    request: pytest.FixtureRequest, inputs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What they make through a job server."""
    jar = os.environ.get(JAR, "")
    if request.param == "flink" and not jar:
        pytest.skip(f"{JAR} does not say where Flink's job server is")
    folder = tmp_path_factory.mktemp("portable")
    more = [jar] if request.param == "flink" else []
    command = [sys.executable, "-m", "tests.taxiway.arrow.stock", str(folder), str(inputs), *more]
    run_isolated(command, folder / "driver.log")
    return folder


def run_isolated(command: list[str], log: Path) -> None:
    """Runs a command in a network of its own, where nothing outlives it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with log.open("w") as file:
        process = subprocess.Popen(
            tied(*network_of_its_own(), *command),
            cwd=ROOT,
            env=environment,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
        try:
            code = process.wait(SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    assert code == 0, log.read_text()[-4000:]


def network_of_its_own() -> list[str]:
    """What goes before a command; nothing where this is such a network, as in a container."""
    if alone():
        return []
    command = ["unshare", "--net", "--pid", "--fork", "--kill-child"]
    if os.geteuid() != 0:
        command += ["--user", "--map-root-user"]
    if not shutil.which("unshare") or subprocess.run([*command, "true"], check=False).returncode:
        pytest.skip("no network namespace can be made here, and the servers bind all interfaces")
    return command


def test_every_step_ran_on_an_external_worker(portable: Path) -> None:
    assert (portable / "pool.log").read_text().count("Starting worker") >= len(STEPS)


def test_statistics_are_the_same(portable: Path, direct: Path) -> None:
    import tensorflow_data_validation as tfdv

    for split in ("train", "eval"):
        ours, theirs = (
            tfdv.load_stats_binary(
                str(side / f"StatisticsGen/statistics/Split-{split}/FeatureStats.pb")
            ).datasets[0]
            for side in (portable, direct)
        )
        assert ours.num_examples == theirs.num_examples > 0
        assert sorted(features(ours)) == sorted(features(theirs))
        for name, feature in features(ours).items():
            same(feature, features(theirs)[name])


def test_transformed_examples_are_the_same(portable: Path, direct: Path) -> None:
    ours, theirs = (transformed(side) for side in (portable, direct))
    names = output(ours).vocabulary_by_name("words"), output(theirs).vocabulary_by_name("words")
    assert sorted(names[0]) == sorted(names[1])
    for split in ("train", "eval"):
        mine, others = (
            sorted(readable(row, words) for row in rows(side, split))
            for side, words in zip((ours, theirs), names, strict=True)
        )
        assert len(mine) == len(others) > 0
        for one, other in zip(mine, others, strict=True):
            assert one[:2] == other[:2]
            np.testing.assert_allclose(one[2], other[2], rtol=1e-5, atol=1e-6)


def transformed(side: Path) -> Any:
    from tfx.types import standard_artifacts

    found = {
        "transform_graph": standard_artifacts.TransformGraph(),
        "transformed_examples": standard_artifacts.Examples(),
    }
    for name, artifact in found.items():
        artifact.uri = str(side / "Transform" / name)
    return found


def readable(row: dict[str, Any], words: list[bytes]) -> tuple[Any, Any, Any]:
    """Words instead of indices, which are those of equally frequent words by chance."""
    return (
        [words[index] for index in row["many"]],
        row["label"].tolist(),
        row["weight"].tolist(),
    )


def test_metrics_and_verdict_are_the_same(portable: Path, direct: Path) -> None:
    ours, theirs = (str(side / "Evaluator" / "evaluation") for side in (portable, direct))
    found, expected = metrics_of(ours), metrics_of(theirs)
    assert found.keys() == expected.keys()
    assert len(found) > 1
    for name, metrics in expected.items():
        assert found[name].keys() == metrics.keys()
        for key, metric in metrics.items():
            assert not differences(found[name][key], metric), (name, key)
    assert verdict_of(ours) == verdict_of(theirs)
    assert (portable / "Evaluator/blessing/BLESSED").exists()
