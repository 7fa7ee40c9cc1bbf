"""`taxiway runs reproduce`: a tiny run again, equal; and what is refused, by name."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from taxiway.tracking.kept import kept_path
from taxiway.tracking.reproduce.again import Place
from taxiway.tracking.run_record.files import read_record, write_record
from taxiway.tracking.run_record.record import Code, RunRecord
from tests.conftest import TINY, CommandLine, Run
from tests.repository_copy import RepositoryCopy

CHANGED = "tests/tiny/features.py"


def at_another_place(run: Run, root: Path) -> RunRecord:
    """Copies what is on record of a run, and its data, below another folder."""
    workspace, report = run
    folder = root / "reports" / report["run_id"]
    folder.mkdir(parents=True)
    config = Path(workspace.config().output.report_folder(report["run_id"]), "config.yaml")
    text = config.read_text().replace(str(workspace.root), str(root))
    (folder / "config.yaml").write_text(text)
    shutil.copytree(workspace.root / "data", root / "data")
    record = read_record(config.parent)
    assert record is not None
    data = record.data.model_copy(update={"root": str(root / "data" / "tiny")})
    moved = record.model_copy(update={"data": data})
    write_record(folder, moved)
    return moved


def change_data(root: Path, record: RunRecord, keep: bool) -> str:
    """Changes the second span's file, perhaps keeping what it was; gives its path."""
    file = record.data.files[1]
    path = Path(record.data.root, file.path)
    if keep:
        kept = kept_path(str(root), file.sha256)
        kept.parent.mkdir(parents=True)
        shutil.copyfile(path, kept)
    shutil.copyfile(Path(record.data.root, record.data.files[0].path), path)
    return file.path


@pytest.mark.pipeline
def test_a_run_is_repeated_and_all_its_metrics_are_equal(
    first_run: Run, here: CommandLine, tmp_path: Path
) -> None:
    at_another_place(first_run, tmp_path)
    run_id = first_run[1]["run_id"]
    done = here("runs", "reproduce", run_id, "--set", f"output.root={tmp_path}", "--json")
    told = json.loads(done.out)
    assert (told["differs"], told["changes"], told["notes"]) == ([], [], [])
    assert done.code == 0, done.err
    assert told["equal"] is True
    assert told["compared"] == 8 * 4  # metrics; all rows, and three regions
    assert told["metrics"]["auc"] == pytest.approx(
        first_run[1]["evaluation"]["overall"]["auc"], abs=1e-6
    )
    assert told["new_run"] != run_id
    assert Path(told["folder"]).is_relative_to(tmp_path / "reproduced" / run_id)
    assert {path.name for path in tmp_path.iterdir()} == {"data", "reports", "reproduced"}


@pytest.mark.pipeline
def test_changed_data_and_code_are_named_and_nothing_is_started(
    first_run: Run, here: CommandLine, tmp_path: Path
) -> None:
    record = at_another_place(first_run, tmp_path)
    name = change_data(tmp_path, record, keep=False)
    folder = tmp_path / "reports" / record.run_id
    files = {**record.code.files, CHANGED: "0" * 64, "models/gone.py": "1" * 64}
    code = record.code.model_copy(update={"files": files})
    config = {**record.config, "model.hyperparameters.epochs": 7, "output.root": "/elsewhere"}
    write_record(folder, record.model_copy(update={"code": code, "config": config}))
    options = ("runs", "reproduce", record.run_id, "--set", f"output.root={tmp_path}")
    done = here(*options)
    assert done.code == 1
    assert done.out.splitlines() == [
        f"run {record.run_id}: what differs now from then:",
        "  code: models/gone.py: gone",
        f"  code: {CHANGED}: changed",
        "  config: model.hyperparameters.epochs: then 7, now 5",
        f"  data: {name}: changed",
        "not started: give --anyway, or --checkout for the code of then",
    ]
    told = json.loads(here(*options, "--json").out)
    assert (told["started"], told["equal"]) == (False, None)
    assert [one["part"] for one in told["differs"]] == ["code", "code", "config", "data"]
    assert not (tmp_path / "reproduced" / record.run_id / "reports").exists()


@pytest.mark.pipeline
def test_started_anyway_it_is_told_by_how_much_each_metric_differs(
    first_run: Run, here: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = at_another_place(first_run, tmp_path)
    change_data(tmp_path, record, keep=False)
    metrics = {**record.metrics, "auc": record.metrics["auc"] - 0.25}
    other = record.model_copy(update={"run_id": "again", "metrics": metrics})
    laid_out: list[str] = []

    def pretended(place: Place, *_: object) -> tuple[RunRecord, Path]:
        laid_out.extend(path.name for path in sorted(place.data.iterdir()))
        return other, place.root / "reports" / "again"

    monkeypatch.setattr("taxiway.tracking.reproduce.again.run_again", pretended)
    asked = ("runs", "reproduce", record.run_id, "--anyway", "--set", f"output.root={tmp_path}")
    done = here(*asked)
    then = record.metrics["auc"]
    assert done.code == 1
    assert done.out.splitlines()[-3:-1] == [
        "not equal: 1 of 32 metrics differ:",
        f"  auc on overall: then {then:.9g}, now {then - 0.25:.9g} (-0.25)",
    ]
    assert laid_out == ["span-1", "span-2", "span-3"]
    told = json.loads(here(*asked, "--json").out)
    assert (told["started"], told["equal"]) == (True, False)
    assert [one["metric"] for one in told["changes"]] == ["auc"]


def test_a_run_that_is_not_on_record_is_refused(tmp_path: Path, here: CommandLine) -> None:
    options = ("--config", TINY, "--set", f"output.root={tmp_path}")
    done = here("runs", "reproduce", "20260101-000000-abcd", *options)
    assert done.code == 2
    assert "there is no run '20260101-000000-abcd'" in done.err
    (tmp_path / "reports" / "20260101-000000-abcd").mkdir(parents=True)
    done = here("runs", "reproduce", "20260101-000000-abcd", *options)
    assert done.code == 2
    assert "has no record of run" in done.err


@pytest.mark.pipeline
@pytest.mark.one_stack
def test_the_code_and_the_data_of_then_are_had_again_from_git_and_from_what_was_kept(
    first_run: Run, tmp_path: Path
) -> None:
    """The commit has a line more than the run, its uncommitted change takes that away."""
    clone, var = RepositoryCopy(tmp_path / "clone"), tmp_path / "var"
    record = at_another_place(first_run, var)
    change_data(var, record, keep=True)
    source = clone.root / CHANGED
    as_run = source.read_text()
    git = "git -c user.name=Ann -c user.email=ann@example.com -c commit.gpgsign=false"
    source.write_text(f"{as_run}# one more line\n")
    clone.run(f"{git} init -q && {git} add -A && {git} commit -qm then")
    source.write_text(as_run)
    diff = clone.run(f"{git} diff HEAD")
    commit = clone.run(f"{git} rev-parse HEAD").strip()
    source.write_text(as_run.replace('    Numeric("kilograms"),\n', ""))
    assert source.read_text() != as_run
    clone.run(f"{git} commit -qam now")
    code = Code(commit=commit, dirty=True, diff=diff, files=record.code.files)
    write_record(var / "reports" / record.run_id, record.model_copy(update={"code": code}))

    asked = [sys.executable, "-m", "taxiway", "runs", "reproduce", record.run_id, "--json"]
    asked += ["--config", "tests/tiny/tiny.yaml", "--set", f"output.root={var}"]
    now: dict[str, Any] = json.loads(clone.run(f"{shlex.join(asked)} || true"))
    assert [(one["part"], one["name"], one["told"]) for one in now["differs"]] == [
        ("code", CHANGED, "changed")
    ]
    assert now["started"] is False
    told = json.loads(clone.run(shlex.join([*asked, "--checkout"])))
    assert (told["differs"], told["equal"], told["compared"]) == ([], True, 32)
    assert clone.run(f"{git} worktree list").count("\n") == 1
