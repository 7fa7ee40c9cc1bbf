"""The parts of a record, from what ML Metadata and files say."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from taxiway.metadata.records import ErrorKind, NodeRecord
from taxiway.modeling.curves import CURVES_FILE, read_curves, write_curves
from taxiway.modeling.input_files import FILE, InputFile, read_input_files, write_input_files
from taxiway.tracking.recording.nodes import cost_of, nodes_of
from taxiway.tracking.recording.surroundings import code_of, packages_of
from taxiway.tracking.run_record.record import NodeUsage, RunRecord

PAID: dict[str, Any] = {"cpu_seconds": 1800.0, "peak_memory_bytes": 4096}


def node(name: str, state: str, kind: ErrorKind | None = None, **told: object) -> NodeRecord:
    error = "why" if kind else ""
    return NodeRecord(name, 1, state, 2.0, {}, told, error=error, error_kind=kind)


def test_each_node_is_there_in_order_as_what_it_was() -> None:
    records = [
        node("Late", "COMPLETE", **PAID),
        node("Cached", "CACHED", **PAID),
        node("Failed", "FAILED", ErrorKind.FAILED, **PAID),
        node("Killed", "FAILED", ErrorKind.KILLED),
        node("Open", "RUNNING"),
    ]
    found = nodes_of(records, ["Cached", "Skipped", "Late"], {"Skipped": "its condition is false"})
    assert [(one.node, one.state, one.reason) for one in found] == [
        ("Cached", "cached", ""),
        ("Skipped", "skipped", "its condition is false"),
        ("Late", "complete", ""),
        ("Failed", "failed", "why"),
        ("Killed", "killed", "why"),
        ("Open", "killed", ""),
    ]
    cached, _, late, failed, killed, _ = found
    assert (cached.cpu_seconds, cached.peak_memory_bytes) == (0.0, 0)
    assert (late.cpu_seconds, late.peak_memory_bytes) == (1800.0, 4096)
    assert failed.cpu_seconds == 1800.0
    assert killed.cpu_seconds is None


def test_the_cost_is_core_hours_times_their_price() -> None:
    nodes = [NodeUsage(node=name, state="complete", cpu_seconds=900.0) for name in "ab"]
    nodes.append(NodeUsage(node="c", state="complete"))
    cost = cost_of(nodes, 0.1, "EUR")
    assert (cost.core_hours, cost.per_core_hour, cost.currency) == (0.5, 0.1, "EUR")
    assert cost.amount == pytest.approx(0.05)


def test_curves_of_a_training_that_diverged_are_kept_as_they_are(tmp_path: Path) -> None:
    write_curves(str(tmp_path), {"loss": [1.0, math.inf, math.nan]})
    curves = read_curves(str(tmp_path))
    record = RunRecord(run_id="r1", outcome="failed", curves=curves)
    again = RunRecord.model_validate_json(record.model_dump_json())
    assert list(map(str, again.curves["loss"])) == ["1.0", "inf", "nan"]


def test_what_is_not_there_or_torn_is_nothing(tmp_path: Path) -> None:
    assert read_curves(str(tmp_path)) == {}
    assert read_input_files(str(tmp_path)) == []
    (tmp_path / CURVES_FILE).write_text("[1")
    (tmp_path / FILE).write_text("{}")
    assert read_curves(str(tmp_path)) == {}
    assert read_input_files(str(tmp_path)) == []


def test_input_files_are_read_back(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("abc")
    file = InputFile.of(str(tmp_path / "a.csv"), "span-1/a.csv", 1)
    assert file.bytes == 3
    assert file.sha256.startswith("ba7816bf")
    write_input_files(str(tmp_path), [file])
    assert read_input_files(str(tmp_path)) == [file]


@pytest.mark.pipeline
def test_what_is_in_a_bucket_is_written_and_read_with_tensorflow() -> None:
    import tensorflow as tf

    write_curves("ram://run", {"loss": [1.0]})
    assert read_curves("ram://run") == {"loss": (1.0,)}
    with tf.io.gfile.GFile("ram://data/a.csv", "w") as file:
        file.write("abc")
    assert InputFile.of("ram://data/a.csv", "a.csv", 1) == InputFile("a.csv", 1, 3, "")


def test_a_model_folder_outside_of_the_project_counts_by_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "model_elsewhere"
    package.mkdir()
    for name in ("__init__.py", "features.py", "README.md", ".hidden"):
        (package / name).write_text(name)
    monkeypatch.syspath_prepend(tmp_path)
    files = code_of("model_elsewhere", {}).files
    own = sorted(name for name in files if "elsewhere" in name)
    assert own == ["model_elsewhere/__init__.py", "model_elsewhere/features.py"]


def test_what_a_package_has_brought_for_itself_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendored = tmp_path / "tools" / "_vendor"
    for folder in (vendored / "inner-1.0.dist-info", tmp_path / "outer-2.0.dist-info"):
        folder.mkdir(parents=True)
    (tmp_path / "tools" / "__init__.py").touch()
    for place in (tmp_path, vendored):
        monkeypatch.syspath_prepend(str(place))
    found = packages_of({}).releases
    assert found["outer"] == "2.0"
    assert "inner" not in found
