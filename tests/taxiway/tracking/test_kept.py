"""Input files kept by content: they outlive their source, and a change of them is found."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from taxiway.config.data import Keep
from taxiway.errors import TaxiwayError
from taxiway.tracking import kept
from taxiway.tracking.kept import keep, kept_as, kept_path, restore
from taxiway.tracking.run_record.files import write_record
from taxiway.tracking.run_record.record import Data, InputFile, RunRecord
from tests.conftest import TINY, CommandLine

TEXTS = {"span-1/a.csv": "a\n1\n", "span-2/a.csv": "a\n2\n", "span-2/b.csv": "a\n1\n"}


class Lab:
    """A data root and an output root."""

    def __init__(self, folder: Path) -> None:
        self.data, self.root = folder / "data", str(folder / "var")
        for name, text in TEXTS.items():
            (self.data / name).parent.mkdir(parents=True, exist_ok=True)
            (self.data / name).write_text(text)
        self.said: list[str] = []

    def keep(self, mode: Keep) -> list[InputFile]:
        files = [(str(self.data / name), name, int(name[5])) for name in TEXTS]
        return keep(self.root, files, mode, self.said.append)

    def record(self, files: Sequence[InputFile], run_id: str = "r1") -> RunRecord:
        return RunRecord(run_id=run_id, outcome="succeeded", data=Data(files=tuple(files)))


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@pytest.mark.parametrize("mode", ["link", "copy"])
def test_a_run_gets_its_files_back_when_they_are_gone(lab: Lab, tmp_path: Path, mode: Keep) -> None:
    files = lab.keep(mode)
    for name, file in zip(TEXTS, files, strict=True):
        assert file.path == name
        assert file.sha256 == hashlib.sha256(TEXTS[name].encode()).hexdigest()
        assert file.bytes == len(TEXTS[name])
        source, there = (lab.data / name).stat(), kept_path(lab.root, file.sha256).stat()
        same = lab.data / ("span-1/a.csv" if name == "span-2/b.csv" else name)
        assert (there.st_ino == same.stat().st_ino) is (mode == "link")
        assert source.st_size == there.st_size
    for name in TEXTS:
        (lab.data / name).unlink()
    folder = restore(lab.record(files), lab.root, tmp_path / "again")
    assert {name: (folder / name).read_text() for name in TEXTS} == TEXTS
    assert kept_as(lab.root, files, mode) == mode
    assert not lab.said


def test_a_second_time_reads_nothing_unless_a_file_has_changed(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    real = kept._keep

    def spied(root: str, place: Path, mode: Keep) -> tuple[str, bool]:
        read.append(place.name)
        return real(root, place, mode)

    monkeypatch.setattr(kept, "_keep", spied)
    first = lab.keep("copy")
    assert lab.keep("copy") == first
    assert read == ["a.csv", "a.csv", "b.csv"]
    (lab.data / "span-2/b.csv").write_text("a\n7\n")
    assert lab.keep("copy")[:2] == first[:2]
    assert read[3:] == ["b.csv"]


def test_an_edit_in_place_of_a_linked_file_is_found_when_it_is_needed(
    lab: Lab, tmp_path: Path
) -> None:
    files = lab.keep("link")
    with (lab.data / "span-2/a.csv").open("a") as file:
        file.write("3\n")
    with pytest.raises(TaxiwayError, match=r"span-2/a\.csv is not what the run read") as refused:
        restore(lab.record(files), lab.root, tmp_path / "again")
    assert "data.keep: copy" in refused.value.edit
    assert not (tmp_path / "again" / "span-2" / "a.csv").exists()


def test_where_there_are_no_links_they_are_copied_and_that_is_said_once(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "another file system")

    monkeypatch.setattr(os, "link", refuse)
    files = lab.keep("link")
    assert kept_as(lab.root, files, "link") == "link"
    (said,) = lab.said
    assert "is kept as a copy" in said


def test_what_is_not_kept_is_named(lab: Lab, tmp_path: Path) -> None:
    files = lab.keep("copy")
    kept_path(lab.root, files[1].sha256).unlink()
    assert kept_as(lab.root, files, "copy") == "none"
    assert kept_as(lab.root, (), "copy") == "none"
    with pytest.raises(TaxiwayError, match=r"r1: span-2/a\.csv is not kept below"):
        restore(lab.record(files), lab.root, tmp_path / "again")
    with pytest.raises(TaxiwayError, match="r1: its input is not kept"):
        restore(lab.record(()), lab.root, tmp_path / "again")


def test_clean_removes_what_no_run_names_and_nothing_else(lab: Lab, here: CommandLine) -> None:
    files = lab.keep("copy")
    folder = Path(lab.root) / "reports" / "r1"
    folder.mkdir(parents=True)
    write_record(folder, lab.record(files[:1]))
    (Path(lab.root) / "data.txt").touch()
    line = ("clean", "--config", TINY, "--set", f"output.root={lab.root}")
    told = here(*line, "--dry-run")
    assert told.out.startswith("1 file (4 bytes) would be removed from ")
    assert kept_path(lab.root, files[1].sha256).is_file()
    told = here(*line, "--json")
    assert json.loads(told.out)["files"] == [str(kept_path(lab.root, files[1].sha256))]
    assert not kept_path(lab.root, files[1].sha256).exists()
    assert kept_path(lab.root, files[0].sha256).is_file()
    assert (Path(lab.root) / "data.txt").exists()
    assert here(*line).out.startswith("0 files (0 bytes) removed from ")
