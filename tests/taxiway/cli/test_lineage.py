"""`taxiway lineage` on runs of the real pipeline."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY, CommandLine, Run

pytestmark = pytest.mark.pipeline


def ask(here: CommandLine, run: Run, *words: str) -> str:
    done = here("lineage", *words, *run[0].options)
    assert done.code == 0, done.err
    return done.out


def answer(here: CommandLine, run: Run, *words: str) -> dict[str, Any]:
    return dict(json.loads(ask(here, run, *words, "--json")))


def test_a_version_is_made_of_all_that_went_into_it(here: CommandLine, first_run: Run) -> None:
    text = ask(here, first_run, f"tiny/{first_run[1]['version']}")
    for type_name in (
        *("Model", "HyperParameters", "Examples", "Schema", "TransformGraph", "ModelManifest"),
        *("ModelEvaluation", "ModelBlessing", "InfraBlessing", "ExampleStatistics"),
        *("ExampleAnomalies", "GateDecision", "PushedModel", "ModelVersion"),
    ):
        assert f"{type_name} #" in text, type_name
    assert "spans 1-3" in text
    assert "learning_rate 0.01" in text
    assert first_run[1]["run_id"] in text
    for record in ("lock ", "Python 3.", "TFX 1.", "container.image"):
        assert record in text


def test_a_span_is_followed_to_the_versions_made_of_it(here: CommandLine, second_run: Run) -> None:
    text = ask(here, second_run, "span:2")
    assert "span:2 went into 1 registered version\n" in text
    assert f"tiny/{second_run[1]['version']}" in text
    assert "no span '7' (there is, newest first: 3, 2, 1)" in refusal(here, second_run, "span:7")


def refusal(here: CommandLine, run: Run, *words: str) -> str:
    done = here("lineage", *words, *run[0].options)
    assert done.code == 2
    return done.err


def test_a_version_that_was_pushed_again_keeps_what_it_is_made_of(
    here: CommandLine, first_run: Run, second_run: Run
) -> None:
    found = answer(here, second_run, "tiny")
    assert found["version"]["run_id"] == first_run[1]["run_id"]
    (again,) = found["pushed_again"]
    ids = {run["run_id"] for run in found["runs"]}
    assert second_run[1]["run_id"] in ids
    assert again not in found["backwards"]["artifacts"]


def test_it_is_drawn(here: CommandLine, first_run: Run, tmp_path: Path) -> None:
    file = tmp_path / "lineage.svg"
    ask(here, first_run, "tiny", "--svg", str(file))
    texts = "\n".join(ElementTree.parse(file).getroot().itertext())
    assert "HyperParameters" in texts
    assert "tiny/1.0.0" in texts


def test_it_loads_no_tensorflow(first_run: Run) -> None:
    command = ["-X", "importtime", "-m", "taxiway", "lineage", "tiny", *first_run[0].options]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "ml_metadata" in loaded
    assert loaded.isdisjoint({"tensorflow", "tfx", "apache_beam", "pyarrow", "alembic"})
