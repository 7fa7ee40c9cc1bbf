"""What differs from a record is named, each by its name, and nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from taxiway.errors import TaxiwayError
from taxiway.tracking.kept import kept_path
from taxiway.tracking.reproduce import data
from taxiway.tracking.reproduce.differences import (
    MOST_TOLD,
    Difference,
    files_at,
    lines,
    not_on_record,
    of_code,
    of_config,
    of_packages,
)
from taxiway.tracking.run_record.record import Code, Data, InputFile, Packages, RunRecord


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_files_of_code_are_changed_gone_or_new() -> None:
    then = Code(files={"a.py": "1", "b.py": "2", "c.py": "3"})
    found = list(of_code(then, {"a.py": "1", "b.py": "9", "d.py": "4"}))
    assert [one.text for one in found] == [
        "code: b.py: changed",
        "code: c.py: gone",
        "code: d.py: new",
    ]


def test_lock_and_packages_are_told_with_their_releases() -> None:
    then = Packages(lock="1", releases={"keras": "3.1", "numpy": "1.0", "python": "3.10.1"})
    now = Packages(
        lock="2", releases={"keras": "3.2", "numpy": "1.0", "rich": "14", "python": "3.10.1"}
    )
    assert [one.text for one in of_packages(then, now)] == [
        "lock: requirements.lock: changed",
        "packages: keras: then 3.1, now 3.2",
        "packages: rich: then none, now 14",
    ]
    assert not list(of_packages(then, then))


def test_keys_of_the_config_are_told_but_not_places() -> None:
    then = {"output.root": "/a", "data.root": "/a/data", "model.name": "x", "old.key": 1}
    now = {"output.root": "/b", "data.root": "/b/data", "model.name": "y", "new.key": 2}
    assert [one.text for one in of_config(then, now)] == [
        "config: model.name: then x, now y",
        "config: new.key: then no such key, now 2",
        "config: old.key: then 1, now no such key",
    ]


def test_many_of_one_part_are_counted() -> None:
    found = [Difference("packages", f"p{number}", "new") for number in range(MOST_TOLD + 5)]
    told = lines([*found, Difference("data", "x", "gone")])
    assert told[MOST_TOLD:] == ["packages: and 5 more", "data: x: gone"]


def test_a_checkout_lacks_what_is_installed_beside_it(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.py").write_text("a")
    files = {"models/a.py": sha256("a"), "models/b.py": "2", "taxiway/errors.py": "3"}
    assert files_at(tmp_path, files) == {"models/a.py": sha256("a"), "taxiway/errors.py": "3"}
    (tmp_path / "taxiway").mkdir()
    assert files_at(tmp_path, files) == {"models/a.py": sha256("a")}


def test_what_is_not_on_record_is_said(tmp_path: Path) -> None:
    assert not_on_record(RunRecord(run_id="a", outcome="succeeded")) == [
        "code",
        "packages",
        "data",
        "config",
    ]


@pytest.fixture
def record(tmp_path: Path) -> RunRecord:
    """Of a run that read three files, which are all there."""
    files = []
    for span in (1, 2, 3):
        path = tmp_path / "data" / f"span-{span}" / "rows.csv"
        path.parent.mkdir(parents=True)
        path.write_text(f"rows of {span}")
        files.append(
            InputFile(
                path=f"span-{span}/rows.csv", span=span, bytes=9, sha256=sha256(f"rows of {span}")
            )
        )
    return RunRecord(run_id="a", outcome="succeeded", data=Data(files=tuple(files)))


def test_input_is_linked_from_where_it_was(record: RunRecord, tmp_path: Path) -> None:
    found = data.sources(record, tmp_path / "data", str(tmp_path))
    assert not list(data.differences(found))
    before = (tmp_path / "data" / "span-1" / "rows.csv").stat().st_ctime_ns
    data.lay_out(found, tmp_path / "input")
    assert (tmp_path / "input" / "span-3" / "rows.csv").read_text() == "rows of 3"
    assert (tmp_path / "data" / "span-1" / "rows.csv").stat().st_ctime_ns == before


def test_input_that_has_changed_is_named_unless_it_was_kept(
    record: RunRecord, tmp_path: Path
) -> None:
    (tmp_path / "data" / "span-1" / "rows.csv").write_text("other row")
    (tmp_path / "data" / "span-2" / "rows.csv").unlink()
    found = data.sources(record, tmp_path / "data", str(tmp_path))
    assert [one.text for one in data.differences(found)] == [
        "data: span-1/rows.csv: changed",
        "data: span-2/rows.csv: gone",
    ]
    with pytest.raises(TaxiwayError, match=r"span-2/rows\.csv .* gone, and nothing was kept"):
        data.lay_out(found, tmp_path / "refused")
    for span in (1, 2):
        kept = kept_path(str(tmp_path), sha256(f"rows of {span}"))
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(f"rows of {span}")
    found = data.sources(record, tmp_path / "data", str(tmp_path))
    assert not list(data.differences(found))
    data.lay_out(found, tmp_path / "input")
    texts = [(tmp_path / "input" / f"span-{span}" / "rows.csv").read_text() for span in (1, 2, 3)]
    assert texts == ["rows of 1", "rows of 2", "rows of 3"]


def test_a_kept_file_that_was_edited_in_place_is_no_help(record: RunRecord, tmp_path: Path) -> None:
    kept = kept_path(str(tmp_path), sha256("rows of 1"))
    kept.parent.mkdir(parents=True)
    kept.write_text("other row")
    (tmp_path / "data" / "span-1" / "rows.csv").write_text("other row")
    found = data.sources(record, tmp_path / "data", str(tmp_path))
    assert [one.text for one in data.differences(found)] == ["data: span-1/rows.csv: changed"]
