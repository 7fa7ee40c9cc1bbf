"""The records of real runs: the first one, and the next, of which most comes from the cache."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from taxiway.config.loader import load_config
from taxiway.process.provenance import commit_of_code
from taxiway.tracking.run_record.files import read_record
from taxiway.tracking.run_record.record import RunRecord, flattened
from taxiway.tracking.under_way import FILE
from tests.conftest import REPOSITORY, Run

pytestmark = pytest.mark.pipeline


def record_of(run: Run) -> RunRecord:
    found = read_record(folder_of(run))
    assert found is not None
    return found


def folder_of(run: Run) -> Path:
    workspace, report = run
    return workspace.root / "reports" / str(report["run_id"])


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_it_says_how_the_run_ended_and_that_it_is_over(first_run: Run) -> None:
    _, report = first_run
    record = record_of(first_run)
    assert (record.run_id, record.outcome, record.reason) == (report["run_id"], "succeeded", "")
    assert (record.pipeline, record.model, record.runner) == ("tiny", "tiny", "local")
    assert (record.version, record.command) == (report["version"], report["command"])
    assert Path(record.report) == folder_of(first_run) / "report.html"
    assert record.seconds > 0
    assert record.started_at.endswith("Z")
    assert not (folder_of(first_run) / FILE).exists()


def test_it_has_the_whole_config_by_dotted_key(first_run: Run) -> None:
    config = load_config([str(folder_of(first_run) / "config.yaml")])
    record = record_of(first_run)
    assert record.config == flattened(config.model_dump(mode="json"))
    assert record.config["model.hyperparameters.learning_rate"] == 0.01
    assert record.features["region"].startswith("Categorical(max_vocabulary=3, ")
    assert " and Bucketized(boundaries=(6.0, 12.0, 18.0))" in record.features["hour"]
    assert record.features["delayed"].startswith("Binary(")


def test_it_has_the_code_that_the_run_used_and_no_other(first_run: Run) -> None:
    code = record_of(first_run).code
    for name in ("tests/tiny/features.py", "pipelines/training.py", "taxiway/cli/run.py"):
        assert code.files[name] == sha256(REPOSITORY / name)
    assert "components/data_gate/logic.py" in code.files
    assert "tests/tiny/tiny.yaml" in code.files
    assert not [name for name in code.files if name.startswith("models/")]
    assert not [name for name in code.files if name.endswith((".md", ".pyc"))]
    commit = commit_of_code(REPOSITORY)
    assert code.commit == commit.get("git_commit", "")
    assert not code.diff_cut
    assert bool(code.diff) == bool(code.dirty)


def test_it_has_what_is_installed_and_the_machine(first_run: Run) -> None:
    record = record_of(first_run)
    assert record.packages.lock == sha256(REPOSITORY / "requirements.lock")
    assert {"python", "tfx", "tensorflow", "apache-beam"} <= set(record.packages.releases)
    assert record.machine.cores > 0
    assert record.machine.memory_bytes > 2**30
    assert record.machine.host


def test_it_names_each_file_of_input_by_its_content(first_run: Run) -> None:
    workspace, _ = first_run
    data = record_of(first_run).data
    root = workspace.root / "data" / "tiny"
    assert (data.spans, data.root, data.kept) == ("1-3", str(root), "none")
    assert data.schema_sha256 == sha256(REPOSITORY / "tests" / "tiny" / "schema.pbtxt")
    found = [(one.path, one.span, one.bytes, one.sha256) for one in data.files]
    paths = sorted(root.glob("span-*/*.parquet"))
    assert found == [
        (str(path.relative_to(root)), number, path.stat().st_size, sha256(path))
        for number, path in enumerate(paths, 1)
    ]
    assert data.rows == {"train": 1200, "eval": 600}


def test_it_has_what_was_learned(first_run: Run) -> None:
    _, report = first_run
    record = record_of(first_run)
    assert record.metrics == report["evaluation"]["overall"]
    slices = {one.name: one.metrics for one in record.slices}
    assert len(slices) == report["evaluation"]["slices"]
    for worst in report["evaluation"]["worst_slices"]:
        assert slices[worst["name"]] == worst["metrics"]
    epochs = record.config["model.hyperparameters.epochs"]
    assert {name: len(curve) for name, curve in record.curves.items()} == dict.fromkeys(
        ("auc", "loss", "val_auc", "val_loss"), epochs
    )
    assert record.curves["loss"][-1] < record.curves["loss"][0]


def test_it_says_what_each_node_has_cost(first_run: Run) -> None:
    record = record_of(first_run)
    nodes = {one.node: one for one in record.nodes}
    assert {one.state for one in record.nodes} == {"complete"}
    trainer = nodes["Trainer"]
    assert trainer.cpu_seconds is not None
    assert trainer.peak_memory_bytes is not None
    assert 0.5 < trainer.cpu_seconds < 60 * trainer.seconds
    assert 2**28 < trainer.peak_memory_bytes < 2**34
    in_a_container = nodes["ModelManifest"]  # beside other nodes, from which it cannot be told
    assert in_a_container.cpu_seconds is None
    measured = sum(one.cpu_seconds or 0.0 for one in record.nodes)
    assert record.cost.core_hours == pytest.approx(measured / 3600)


def test_a_run_of_which_most_is_cached_has_all_of_it_and_cost_next_to_nothing(
    first_run: Run, second_run: Run
) -> None:
    first, second = record_of(first_run), record_of(second_run)
    assert second.data == first.data
    assert second.curves == first.curves
    assert second.code.files == first.code.files
    assert second.metrics == first.metrics
    nodes = {one.node: one for one in second.nodes}
    assert list(nodes) == [one.node for one in first.nodes]
    assert (nodes["Trainer"].state, nodes["Trainer"].cpu_seconds) == ("cached", 0.0)
    assert second.cost.core_hours < first.cost.core_hours / 2


def test_it_is_read_back_as_it_was_written(first_run: Run) -> None:
    record = record_of(first_run)
    assert RunRecord.model_validate_json(record.model_dump_json()) == record
