"""A second pipeline, which a fork adds as one file, runs and compiles by its name."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from taxiway.tracking.kept import restore
from taxiway.tracking.run_record.files import read_record
from tests.conftest import CommandLine, Workspace, taxiway

pytestmark = pytest.mark.pipeline

LOOKING = '''
"""Looks at the data, and learns nothing."""

from tfx.components import StatisticsGen
from tfx.orchestration.pipeline import Pipeline

from components.arrow_example_gen.component import ArrowExampleGen
from taxiway.arrow.executors import use_engine
from taxiway.config.schema import Config
from taxiway.modeling.spec import load_spec
from taxiway.runners.nodes.collector import NodeCollector


def create_pipeline(config: Config) -> Pipeline:
    data, spec, nodes = config.data, load_spec(config.model.module), NodeCollector()
    example_gen = ArrowExampleGen(
        input_base=data.root,
        pattern=data.pattern,
        spans=data.spans,
        split=data.split,
        schema_file=data.schema_file,
        key=spec.key,
        label=spec.label,
    )
    statistics_gen = StatisticsGen(examples=example_gen.outputs["examples"])
    use_engine(statistics_gen, "StatisticsGen", config.engine)
    return Pipeline(
        pipeline_name=config.pipeline.name,
        pipeline_root=config.output.pipeline_root(config.pipeline.name),
        components=nodes.nodes(),
        enable_cache=config.pipeline.cache,
    )
'''
NODES = ["ArrowExampleGen", "StatisticsGen"]
Compile = Callable[[str], Path]


@pytest.fixture
def code(tmp_path: Path) -> str:
    """The folder that has to be on Python's path for `added.look_at` to be found."""
    (tmp_path / "code" / "added").mkdir(parents=True)
    (tmp_path / "code" / "added" / "__init__.py").touch()
    (tmp_path / "code" / "added" / "look_at.py").write_text(LOOKING)
    return str(tmp_path / "code")


@pytest.fixture
def compile_(
    code: str, here: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Compile:
    """Compiles it for a target, and gives the file."""
    monkeypatch.syspath_prepend(code)
    for module in ("added", "added.look_at"):
        monkeypatch.delitem(sys.modules, module, raising=False)

    def call(target: str) -> Path:
        path = tmp_path / "compiled"
        done = here("compile", "added.look_at", "--target", target, "-o", str(path))
        assert done.code == 0, done.err
        return path

    return call


@pytest.mark.one_stack
def test_it_runs_by_its_name_and_its_run_says_which_it_was(workspace: Workspace, code: str) -> None:
    env = {"PYTHONPATH": code}
    name = ("--set", "pipeline.name=looking")
    done = taxiway("run", "added.look_at", *workspace.options, *name, "--json", env=env)
    assert done.code == 0, done.out + done.err
    assert [node["node"] for node in done.report["nodes"]] == NODES
    assert done.report["outcome"] == "succeeded"
    assert "module: added.look_at" in done.report["config"]
    assert done.report["pushed_to"] is None
    assert (workspace.root / "pipelines" / "looking" / "StatisticsGen").is_dir()


@pytest.mark.one_stack
def test_its_input_is_kept_and_its_cache_is_of_use_all_the_same(
    workspace: Workspace, code: str, tmp_path: Path
) -> None:
    """A link changes a file's time of change, by which the cache knows it."""
    line = ("run", "added.look_at", *workspace.options, "--json", "--set", "data.keep=link")
    runs = [taxiway(*line, env={"PYTHONPATH": code}) for _ in range(2)]
    folders = [workspace.root / "reports" / run.report["run_id"] for run in runs]
    first, second = (read_record(folder) for folder in folders)
    assert first is not None
    assert second is not None
    assert first.data == second.data
    assert first.data.kept == "link"
    assert [node.state for node in second.nodes] == ["cached", "cached"]
    sources = {path: path.read_bytes() for path in workspace.root.glob("data/*/*/*.parquet")}
    for path in sources:
        path.unlink()
    again = restore(first, str(workspace.root), tmp_path / "again")
    found = {again / path.relative_to(workspace.root / "data" / "tiny") for path in sources}
    assert {path.read_bytes() for path in found} == set(sources.values())


@pytest.mark.parametrize("target", ["ir", "kubeflow"])
def test_it_compiles_for_every_target(compile_: Compile, target: str) -> None:
    text = compile_(target).read_text()
    if target == "ir":
        nodes = json.loads(text)["nodes"]
        assert [node["pipelineNode"]["nodeInfo"]["id"] for node in nodes] == NODES
        return
    spec, _ = yaml.safe_load_all(text)
    tasks = spec["components"]["comp-exit-handler-1"]["dag"]["tasks"]
    assert sorted(tasks) == ["arrow-example-gen", "statistics-gen"]
    assert spec["pipelineInfo"]["description"] == "Compiled by Taxiway from added.look_at."


def test_a_task_on_kubeflow_carries_which_pipeline_it_is_of(compile_: Compile) -> None:
    from taxiway.runners.kubeflow.task.job import unpack

    spec, _ = yaml.safe_load_all(compile_("kubeflow").read_text())
    for executor in spec["deploymentSpec"]["executors"].values():
        words = executor["container"]["command"]
        job = unpack(words[words.index("--job") + 1])
        assert job.config["pipeline"]["module"] == "added.look_at"
