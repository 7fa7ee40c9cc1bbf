"""What changed between two folders is merged into a repository, and what it has is never lost."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from taxiway.errors import ConfigError
from taxiway.scaffold.upgrade.merge import Merged, Repository

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

LINES = "".join(f"line {number}\n" for number in range(20))
TOP, END = LINES.replace("line 0", "another top"), LINES.replace("line 19", "another end")
BOTH = TOP.replace("line 19", "another end")
BINARY = b"\0\1\2" * 100
Files = Mapping[str, str | bytes]


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)


def git(folder: Path, *arguments: str) -> str:
    options = ("-c", "user.name=A fork", "-c", "user.email=fork@example.com")
    done = subprocess.run(
        ["git", *options, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def write(folder: Path, files: Files) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    folder.mkdir(exist_ok=True)
    return folder


class Sides:
    """A project, and the two folders between which the template changed."""

    def __init__(self, root: Path, project: Files, below: str = "") -> None:
        self.root, self.top = root, root / "project"
        self.project = write(self.top / below, project)
        git(self.top, "init", "--quiet", "--initial-branch=main")
        git(self.top, "add", "--all")
        git(self.top, "commit", "--quiet", "--message", "The project")

    def merge(self, base: Files, new: Files) -> Merged:
        sides = write(self.root / "base", base), write(self.root / "new", new)
        return Repository(self.project).merge(*sides, "Upgrade")

    def text(self, name: str) -> str:
        return (self.project / name).read_text()


CASES: dict[str, tuple[Files, Files, Files, Merged, Files]] = {
    # the template had, the project has, the template has; what is told, and what is there then
    "unchanged here": ({"a": LINES}, {"a": LINES}, {"a": TOP}, Merged(("a",)), {"a": TOP}),
    "unchanged there": ({"a": LINES}, {"a": TOP}, {"a": LINES}, Merged(), {"a": TOP}),
    "changed in two places": ({"a": LINES}, {"a": END}, {"a": TOP}, Merged(("a",)), {"a": BOTH}),
    "changed alike": ({"a": LINES}, {"a": TOP}, {"a": TOP}, Merged(), {"a": TOP}),
    "new there": ({}, {"b": LINES}, {"a": TOP}, Merged(("a",)), {"a": TOP, "b": LINES}),
    "new here": ({}, {"a": LINES}, {}, Merged(), {"a": LINES}),
    "gone there": ({"a": LINES}, {"a": LINES, "b": ""}, {}, Merged(("a",)), {"b": ""}),
    "gone here": ({"a": LINES}, {"b": ""}, {"a": LINES}, Merged(), {"b": ""}),
    "gone here, changed there": (
        {"a": LINES},
        {"b": ""},
        {"a": TOP},
        Merged(kept_deleted=("a",)),
        {"b": ""},
    ),
    "changed here, gone there": ({"a": LINES}, {"a": TOP}, {}, Merged(kept=("a",)), {"a": TOP}),
    "gone on both sides": ({"a": LINES}, {"b": ""}, {}, Merged(), {"b": ""}),
    "moved there, changed here": (
        {"a": LINES},
        {"a": TOP},
        {"b": LINES},
        Merged(("a", "b")),
        {"b": TOP},
    ),
    "a folder moved there, and has a file of the project's": (
        {"old/a": LINES, "old/b": LINES * 2},
        {"old/a": LINES, "old/b": LINES * 2, "old/mine": "mine\n"},
        {"new/a": LINES, "new/b": LINES * 2},
        Merged(("new/a", "new/b", "old/a", "old/b")),
        {"new/a": LINES, "new/b": LINES * 2, "old/mine": "mine\n"},
    ),
    "no text, changed on both sides": (
        {"a": BINARY},
        {"a": BINARY + b"\3"},
        {"a": BINARY + b"\4"},
        Merged(conflicts=("a",)),
        {"a": BINARY + b"\3"},
    ),
    "names with blanks, quotes and more": (
        {'ä "b\tc': LINES},
        {'ä "b\tc': END},
        {'ä "b\tc': TOP},
        Merged(('ä "b\tc',)),
        {'ä "b\tc': BOTH},
    ),
}


@pytest.mark.parametrize("below", ["", "ml/project/"], ids=["at the root", "below the root"])
@pytest.mark.parametrize(("had", "ours", "theirs", "told", "there"), CASES.values(), ids=CASES)
def test_both_sides_are_there_afterwards(
    had: Files, ours: Files, theirs: Files, told: Merged, there: Files, below: str, tmp_path: Path
) -> None:
    sides = Sides(tmp_path, ours, below)
    assert sides.merge(had, theirs) == told
    files = (
        path for path in sides.project.rglob("*") if path.is_file() and ".git" not in path.parts
    )
    found = {path.relative_to(sides.project).as_posix(): path.read_bytes() for path in files}
    assert found == {k: v if isinstance(v, bytes) else v.encode() for k, v in there.items()}


def test_the_same_line_changed_on_both_sides_is_marked(tmp_path: Path) -> None:
    sides = Sides(tmp_path, {"a": TOP, "b": LINES})
    there = {"a": LINES.replace("line 0", "top of the template"), "b": TOP}
    assert sides.merge({"a": LINES, "b": LINES}, there) == Merged(("b",), ("a",))
    told = sides.text("a").splitlines()
    assert told[0].startswith("<<<<<<<")
    assert told[1] == "another top"
    assert told[3] == "top of the template"
    assert git(sides.project, "diff", "--name-only", "--diff-filter=U").split() == ["a"]


def test_a_file_that_both_sides_have_added_is_marked(tmp_path: Path) -> None:
    sides = Sides(tmp_path, {"a": "ours\n"})
    assert sides.merge({}, {"a": "theirs\n"}) == Merged(conflicts=("a",))
    assert {"ours", "theirs"} < set(sides.text("a").splitlines())


def test_nothing_is_committed_and_a_reset_undoes_it(tmp_path: Path) -> None:
    sides = Sides(tmp_path, {"a": TOP, "kept": LINES})
    sides.merge({"a": LINES}, {"a": "theirs\n", "b": "theirs\n"})
    assert git(sides.project, "rev-list", "--count", "--all").strip() == "1"
    git(sides.project, "reset", "--quiet", "--hard")
    assert git(sides.project, "status", "--porcelain") == ""
    assert sides.text("a") == TOP


def test_the_message_of_the_commit_is_prepared(tmp_path: Path) -> None:
    sides = Sides(tmp_path, {"a": LINES})
    sides.merge({"a": LINES}, {"a": TOP})
    git(sides.project, "commit", "--quiet", "--no-edit")
    assert git(sides.project, "log", "-1", "--format=%s").strip() == "Upgrade"


@pytest.mark.parametrize("ignored", [True, False], ids=["ignored", "unknown"])
def test_a_file_that_git_does_not_know_is_not_written_over(tmp_path: Path, ignored: bool) -> None:
    sides = Sides(tmp_path, {".gitignore": "a\n" if ignored else ""})
    (sides.project / "a").write_text("notes\n")
    with pytest.raises(ConfigError, match="one that git does not know"):
        sides.merge({}, {"a": "theirs\n"})
    assert sides.text("a") == "notes\n"


def test_what_is_not_committed_is_refused(tmp_path: Path) -> None:
    sides = Sides(tmp_path, {"a": LINES, "b": LINES})
    repository = Repository(sides.project)
    (sides.project / "notes").write_text("git does not know them\n")
    repository.require_clean()
    write(sides.project, {"a": TOP, "b": TOP})
    with pytest.raises(ConfigError, match=r"not clean \(a and 1 more\)") as refused:
        repository.require_clean()
    assert "git stash" in refused.value.edit


@pytest.mark.parametrize("commands", [(), (("init", "--quiet"),)], ids=["no git", "no commit"])
def test_a_folder_without_a_commit_is_refused(
    commands: tuple[tuple[str, ...], ...], tmp_path: Path
) -> None:
    for command in commands:
        git(tmp_path, *command)
    with pytest.raises(ConfigError, match="no git repository with a commit") as refused:
        Repository(tmp_path)
    assert "git init" in refused.value.edit
