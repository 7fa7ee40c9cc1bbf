"""The pipeline around a model: it runs to its end, and compiles for each target."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from taxiway.process.project import project_root
from taxiway.testing.run import ModelRun

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("model")]


def test_every_node_ends_well(model_run: ModelRun) -> None:
    assert model_run.report["outcome"] == "succeeded"
    assert {record.state for record in model_run.nodes.values()} <= {"COMPLETE", "CACHED"}


def test_the_model_loads_and_answers_in_the_worker_that_serves_it(model_run: ModelRun) -> None:
    infra = model_run.report["infra"]
    assert infra["blessed"], infra


def test_every_metric_of_the_config_has_a_value(model_run: ModelRun) -> None:
    overall = model_run.report["evaluation"]["overall"]
    missing = [name for name, value in overall.items() if value is None]
    assert overall
    assert not missing


@pytest.mark.parametrize("target", ["ir", "kubeflow"])
def test_it_compiles(model_name: str, model_run: ModelRun, target: str, tmp_path: Path) -> None:
    from taxiway.runners.targets import compile_to_file
    from taxiway.testing.asked import load_asked

    config = model_run.config
    if target == "kubeflow":
        if importlib.util.find_spec("kfp") is None:
            pytest.skip("kfp is not installed")
        if not (project_root() / "configs" / "kubeflow.yaml").is_file():
            pytest.skip("the project has no configs/kubeflow.yaml")
        config = load_asked(model_name, beside=["kubeflow"])
    path = tmp_path / "compiled"
    compile_to_file(config, target, path)
    assert "Trainer" in path.read_text() or "trainer" in path.read_text()
