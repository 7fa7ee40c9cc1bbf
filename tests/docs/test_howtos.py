"""Each how-to is applied to a copy of this repository, and the copy does what the page promises."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, once, taxiway
from tests.docs.howto import Command, Edit, HowTo, HowToError, read
from tests.example import needs_example
from tests.repository_copy import RepositoryCopy, ignored

PAGES = REPOSITORY / "docs" / "how-to" / "change"
MOST_STEPS = 12
COMPONENTS = ("add-a-function-component", "add-a-container-component", "add-a-custom-component")
NAMES = sorted(path.stem for path in PAGES.glob("*.md"))
WRITES = "taxiway new "
GROUPS = [
    COMPONENTS,  # in one copy, and one run for all of them
    *((name,) for name in NAMES if name not in COMPONENTS),
]
PROGRAMS = {
    "python": 'exec {python} "$@"',
    "pytest": 'exec {python} -m pytest -p no:cacheprovider "$@"',
    # Docker, where there is any, would have to pull an image.
    "taxiway": '[ "$1" != run ] || set -- "$@" --set container.engine=host\n'
    'exec {python} -m taxiway "$@"',
}
"""What a page finds in .venv/bin, run by the interpreter of these tests on the code of the copy."""


class Copy(RepositoryCopy):
    """A copy of this repository, with the programs that pages call."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        programs = root / ".venv" / "bin"
        programs.mkdir(parents=True)
        for name, text in PROGRAMS.items():
            (programs / name).write_text(f"#!/bin/sh\n{text.format(python=sys.executable)}\n")
            (programs / name).chmod(0o755)

    def digests(self) -> dict[str, str]:
        """Each file of the repository in the copy, and what is in it."""
        hidden = shutil.ignore_patterns(*ignored())
        found = {}
        for folder, folders, names in os.walk(self.root):
            folders[:] = set(folders) - hidden(folder, folders)
            for name in set(names) - hidden(folder, names):
                path = Path(folder, name)
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[path.relative_to(self.root).as_posix()] = digest
        return found

    def follow(self, *pages: HowTo) -> None:
        """Does what pages say and checks what they promise; what several say to run runs once."""
        before = self.digests()
        for page in pages:
            for edit in page.edits:
                assert edit.path in page.files, "files that it changes, and files that it names"
                edit.apply(self.root)
        outputs: dict[str, str] = {}
        commands = [command for page in pages for command in page.commands]
        if len(pages) > 1:  # what writes files is as edits, before all else
            commands.sort(key=lambda command: WRITES not in command.text)
        for command in commands:
            if command.text not in outputs:
                outputs[command.text] = self.run(command.text)
            output = outputs[command.text]
            assert not command.missing(output), f"{command.text}\n{output}"
        after = self.digests()
        changed = {path for path in before | after if before.get(path) != after.get(path)}
        named = {path for page in pages for path in page.files}
        assert changed == named, "files that it changes, and files that it names"
        python = " ".join(sorted(path for path in changed if path.endswith(".py")))
        for check in ("check", "format --check") if python else ():
            self.run(f"{sys.executable} -m ruff {check} --no-cache {python}")


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "copy")


def test_what_runs_is_the_code_of_the_copy(copy: Copy) -> None:
    names = "taxiway, components, models, pipelines"
    told = copy.run(f".venv/bin/python -c 'import {names}; print({names})'")
    assert told.count(str(copy.root)) == 4


@pytest.fixture(scope="session")
def example_data(shared_folder: Path) -> Path:
    """The example's small data set, which the pages would have exported."""

    def make(target: Path) -> None:
        done = taxiway("data", "--config", "smoke", "--set", f"output.root={target}")
        assert done.code == 0, done.err

    return once(shared_folder, "example-data", make)


@needs_example
@pytest.mark.pipeline
@pytest.mark.one_stack
@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_a_page_changes_what_it_names_and_does_what_it_promises(
    names: tuple[str, ...], copy: Copy, example_data: Path
) -> None:
    shutil.copytree(example_data / "data", copy.root / "var" / "data")
    copy.follow(*(read(PAGES / f"{name}.md") for name in names))


@pytest.mark.parametrize("path", sorted(PAGES.glob("*.md")), ids=lambda path: path.stem)
class TestEveryPage:
    """What holds for a page as it stands."""

    def test_it_has_at_most_twelve_steps(self, path: Path) -> None:
        assert 3 <= read(path).steps <= MOST_STEPS

    def test_it_says_whose_file_it_is_where_it_edits_upstreams(self, path: Path) -> None:
        edits_upstream = any(name.startswith("taxiway/") for name in read(path).files)
        assert not edits_upstream or "upstream's" in path.read_text()


class TestAPageThatCannotBeFollowed:
    """What these tests would say of a page that is wrong."""

    def page(self, folder: Path, files: str, steps: str) -> HowTo:
        path = folder / "page.md"
        path.write_text(f"# Page\n\n## Files\n\n{files}\n\n## Steps\n\n{steps}\n")
        return read(path)

    STEPS = (
        "1. At the end of `a.txt`, add\n\n    ```\n    two\n    ```\n\n"
        "2. Look:\n\n    ```sh\n    cat a.txt; rm -f b.txt\n    ```\n\n"
        "    ```text\n    one\n    t...\n    ```"
    )

    def follow(self, folder: Path, page: HowTo) -> None:
        copy = Copy.__new__(Copy)
        copy.root = folder / "copy"
        copy.root.mkdir()
        (copy.root / "a.txt").write_text("one\n")
        (copy.root / "b.txt").write_text("kept\n")
        copy.follow(page)

    def test_one_that_is_right_passes(self, tmp_path: Path) -> None:
        page = self.page(tmp_path, "- `a.txt`: two\n- `b.txt`: removed", self.STEPS)
        self.follow(tmp_path, page)

    def test_one_that_touches_a_file_that_it_does_not_name(self, tmp_path: Path) -> None:
        page = self.page(tmp_path, "- `a.txt`: two", self.STEPS)
        with pytest.raises(AssertionError, match="files that it changes"):
            self.follow(tmp_path, page)

    def test_one_whose_command_prints_something_else(self, tmp_path: Path) -> None:
        page = self.page(tmp_path, "- `a.txt`: two", self.STEPS.replace("    one", "    three"))
        with pytest.raises(AssertionError, match="cat a"):
            self.follow(tmp_path, page)

    def test_lines_in_another_order_are_something_else(self) -> None:
        assert Command("", ("two", "one")).missing("one\ntwo\n") == ["one"]

    def test_one_whose_command_fails(self, tmp_path: Path) -> None:
        page = self.page(tmp_path, "- `a.txt`: two", self.STEPS.replace("cat a", "cat c"))
        with pytest.raises(AssertionError, match="No such file"):
            self.follow(tmp_path, page)

    @pytest.mark.parametrize("old", ["three\n", "one\n"], ids=["nowhere", "twice"])
    def test_one_that_replaces_what_is_not_there_once(self, tmp_path: Path, old: str) -> None:
        (tmp_path / "a.txt").write_text("one\ntwo\none\n")
        with pytest.raises(HowToError, match="expected once"):
            Edit("a.txt", old, "four\n").apply(tmp_path)

    def test_one_that_makes_a_file_that_is_there(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").touch()
        with pytest.raises(HowToError, match="is there already"):
            Edit("a.txt", "", "one\n", creates=True).apply(tmp_path)

    @pytest.mark.parametrize(
        ("wrong", "right", "told"),
        [
            ("At the end of", "Into", "no line says what to do"),
            ("1. ", "3. ", "steps are numbered"),
            ("```text", "```", "no line says what to do"),
            ("    one\n    t...\n", "", "does not end with a command and what it prints"),
        ],
    )
    def test_one_whose_steps_cannot_be_read(
        self, tmp_path: Path, wrong: str, right: str, told: str
    ) -> None:
        with pytest.raises(HowToError, match=told):
            self.page(tmp_path, "- `a.txt`: two", self.STEPS.replace(wrong, right))
