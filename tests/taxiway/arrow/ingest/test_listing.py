"""A folder is taken as it is named, whatever characters it has; only the pattern is a pattern."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from taxiway.arrow.ingest import listing
from taxiway.errors import DataError
from tests.taxiway.arrow.ingest.conftest import ROOT

FOLDERS = {  # each with a neighbour that a glob would find in its place, or beside it
    "sales [2]": "sales 2",
    "what?": "what!",
    "star*": "starfish",
    "not [!a]": "not b",
    "a-[a-z]": "a-b",
    "back\\slash": "backslash",
    "{a,b}": "a",
    "**": "any",
    "[[]": "[",
    "]": "",
    "50%25 #&;~$HOME": "50% #&;~",
    " ": "x",
    "größe": "groesse",
}


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("has_neighbour", [True, False])
def test_only_what_is_below_the_folder_itself_is_found(
    tmp_path: Path, name: str, has_neighbour: bool
) -> None:
    names = [name, *([FOLDERS[name]] if has_neighbour and FOLDERS[name] else [])]
    for one in names:
        (tmp_path / one / "span-1").mkdir(parents=True)
        (tmp_path / one / "span-1" / "a.csv").touch()
    root = f"{tmp_path}/{name}"
    assert listing.matching(root, "span-1/*.csv") == [f"{root}/span-1/a.csv"]
    assert listing.matching(root, "*/a.csv") == [f"{root}/span-1/a.csv"]
    assert listing.names_in(root) == ["span-1"]


PATTERNS = {
    "*.csv": ["a.csv", "b [1].csv", "b1.csv"],
    "?.csv": ["a.csv"],
    "b1.csv": ["b1.csv"],
    "[ab].csv": ["a.csv"],
    "[!a]*": ["b [1].csv", "b1.csv", "sub"],
    "*[[]1].csv": ["b [1].csv"],
    "*": ["a.csv", "b [1].csv", "b1.csv", "sub"],
    ".*": [".hidden.csv"],
    "sub/*": ["sub/c.csv"],
    "*/*.csv": ["sub/c.csv"],
    "a.csv/*": [],
    "none/*": [],
    "none.csv": [],
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_means_what_it_means_in_a_shell(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("a.csv", "b1.csv", "b [1].csv", ".hidden.csv", "sub/c.csv", "sub/.tmp"):
        (tmp_path / name).touch()
    found = [path.removeprefix(f"{tmp_path}/") for path in listing.matching(str(tmp_path), pattern)]
    assert found == PATTERNS[pattern]


def dangling(path: Path) -> str:
    path.symlink_to("nowhere/at-all")
    return "a symbolic link to nowhere/at-all, which does not exist"


def looping(path: Path) -> str:
    path.symlink_to(path.name)
    return "a symbolic link that leads back to itself"


def fifo(path: Path) -> str:
    os.mkfifo(path)
    return "a FIFO, expected a file"


def fifo_behind_a_link(path: Path) -> str:
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")
    return "a FIFO, expected a file"


def bound_socket(path: Path) -> str:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket has a hundred characters at most
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)
    return "a socket, expected a file"


def device(path: Path) -> str:
    path.symlink_to("/dev/null")
    return "a device, expected a file"


def folder(path: Path) -> str:
    path.mkdir()
    return "a folder, expected a file"


def gone(path: Path) -> str:
    return os.strerror(2)


NO_FILES = [dangling, looping, fifo, fifo_behind_a_link, bound_socket, device, folder, gone]


@pytest.mark.parametrize("make", NO_FILES)
def test_what_is_no_file_is_said_to_be_so_and_never_opened(
    tmp_path: Path, make: Callable[[Path], str]
) -> None:
    path = tmp_path / "a.csv"
    reason = make(path)
    assert make is gone or listing.matching(str(tmp_path), "a*") == [str(path)]
    with pytest.raises(DataError) as refused:
        listing.check_file(str(path))
    assert str(refused.value) == (
        f"{path} cannot be read: {reason}\n  edit: {path}: replace or remove it, or data.pattern"
    )


def test_a_file_that_may_not_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").touch()
    monkeypatch.setattr(listing.os, "access", lambda *_: False)  # root may read everything
    with pytest.raises(DataError) as refused:
        listing.check_file(f"{tmp_path}/a.csv")
    assert refused.value.message == f"{tmp_path}/a.csv cannot be read: no permission to read it"


@pytest.mark.parametrize("make", [dangling, looping])
def test_a_link_that_stands_for_a_folder_and_leads_nowhere_is_told(
    tmp_path: Path, make: Callable[[Path], str]
) -> None:
    reason = make(tmp_path / "span-1")
    with pytest.raises(DataError) as refused:
        listing.matching(str(tmp_path), "span-1/*.csv")
    assert str(refused.value) == (
        f"{tmp_path}/span-1 cannot be listed: {reason}\n  edit: data.root or data.pattern"
    )


def test_a_name_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"K\xf6ln.csv")).touch()
    (path,) = listing.matching(str(tmp_path), "*.csv")
    with pytest.raises(DataError) as refused:
        listing.check_file(path)
    assert str(refused.value) == (
        f"the name of the file '{tmp_path}/K\\udcf6ln.csv' is not UTF-8 text\n"
        "  edit: data.root: rename the file, or data.pattern"
    )


def test_no_code_gives_a_path_to_a_glob_of_tensorflow() -> None:
    rooms = ("taxiway", "components", "pipelines", "models", "benchmarks")
    files = [file for room in rooms for file in (ROOT / room).rglob("*.py")]
    assert len(files) > 100
    calls = re.compile(r"\b(gfile|fileio|glob)\.[gG]lob\(")
    assert [str(file) for file in files if calls.search(file.read_text(encoding="utf-8"))] == []
