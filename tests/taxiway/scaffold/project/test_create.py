"""A new project is whole, knows nothing of the example unless asked, and comes out of the wheel."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from taxiway.config.layers import merge, read
from taxiway.errors import ConfigError
from taxiway.scaffold.project import contents
from taxiway.scaffold.project.base_config import split
from taxiway.scaffold.project.create import create_project
from taxiway.scaffold.project.record import Record, read_record
from taxiway.scaffold.project.sources import Index, Source, Wheel, installed_version
from taxiway.scaffold.project.template import template_files
from tests.conftest import REPOSITORY, CommandLine
from tests.example import needs_example

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

VERSION = installed_version()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """A project without the example; look, but do not touch."""
    folder = tmp_path_factory.mktemp("made") / "fares"
    create_project(folder, "fares", Wheel(wheel), VERSION)
    return folder


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


class TestAProject:
    def test_it_has_what_it_takes_to_work_on_it(self, project: Path) -> None:
        needed = {
            *(".github/workflows/ci.yml", ".gitignore", ".taxiway.yaml", "Makefile", "README.md"),
            *("configs/base.yaml", "models/__init__.py", "components/artifacts.py"),
            *("pipelines/training.py", "pyproject.toml", "requirements.lock"),
            *("tests/conftest.py", "tools/find-python.sh"),
        }
        assert needed <= names(project)

    def test_it_says_nothing_of_the_example(self, project: Path) -> None:
        told = [
            name
            for name in names(project)
            if not name.endswith(".whl")
            and re.search(r"\bflights\b", (project / name).read_text(), re.I)
        ]
        assert told == []

    def test_no_mark_of_the_template_is_left(self, project: Path) -> None:
        for name in names(project):
            if not name.endswith((".whl", ".html.j2")):
                assert not name.endswith(".j2")
                assert not re.search(r"<<\s*\w+\s*>>|{% ", (project / name).read_text())

    def test_its_name_is_in_its_pyproject_readme_and_makefile(self, project: Path) -> None:
        pyproject = tomllib.loads((project / "pyproject.toml").read_text())
        assert pyproject["project"]["name"] == "fares"
        assert (project / "README.md").read_text().startswith("# fares\n")
        assert "fares" in (project / "Makefile").read_text().splitlines()[0]

    def test_it_remembers_what_it_was_made_with(self, project: Path, wheel: Path) -> None:
        assert read_record(project) == Record("fares", VERSION, f"wheels/{wheel.name}", False)

    def test_its_lock_has_all_that_it_asks_for(self, project: Path) -> None:
        lock = (project / "requirements.lock").read_text()
        pins = {
            Requirement(line.split("\\")[0]).name
            for line in re.findall(r"^[\w.-]+==.*", lock, re.M)
        }
        pyproject = tomllib.loads((project / "pyproject.toml").read_text())
        for text in pyproject["dependency-groups"]["dev"]:
            assert Requirement(text).name in pins
        extras = Requirement(pyproject["project"]["dependencies"][0]).extras
        assert extras == {"dask", "kubeflow"}

    def test_its_workflow_runs_what_its_makefile_has(self, project: Path) -> None:
        workflow = yaml.safe_load((project / ".github/workflows/ci.yml").read_text())
        steps = workflow["jobs"]["test"]["steps"]
        asked = {
            step["run"].removeprefix("make ") for step in steps if "make" in step.get("run", "")
        }
        assert asked == {"install", "check", "test"}
        targets = re.findall(r"^([a-z-]+):", (project / "Makefile").read_text(), re.M)
        assert asked <= set(targets)

    def test_its_readme_names_files_that_are_there(self, project: Path) -> None:
        tree = (project / "README.md").read_text().partition("## What is where")[2]
        paths = re.findall(r"^([\w./-]+?)/? {2,}\S", tree.split("```")[1], re.M)
        assert len(paths) > 5
        assert [path for path in paths if not (project / path).exists()] == []

    def test_its_own_python_is_formatted_and_its_imports_are_sorted(self, project: Path) -> None:
        for arguments in (("format", "--check", "--no-cache"), ("check", "--no-cache")):
            done = subprocess.run(
                [sys.executable, "-m", "ruff", *arguments, "."],
                cwd=project,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout


@needs_example
class TestTheExample:
    @pytest.fixture(scope="class")
    def example(self, tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
        folder = tmp_path_factory.mktemp("made") / "example"
        create_project(folder, "example", Wheel(wheel), VERSION, example=True)
        return folder

    def test_it_is_a_model_folder_and_a_config_and_nothing_else(
        self, project: Path, example: Path
    ) -> None:
        more = names(example) - names(project)
        assert {name.split("/")[0] for name in more} <= {"models", "configs", "tests"}
        assert {"models/flights/features.py", "configs/flights.yaml"} <= more
        assert names(project) <= names(example)

    def test_its_config_says_what_the_repositorys_base_says(self, example: Path) -> None:
        layers = [read(example / "configs" / name) for name in ("base.yaml", "flights.yaml")]
        assert merge(layers, "") == merge([read(REPOSITORY / "configs" / "base.yaml")], "")

    def test_its_data_comes_with_the_packages(self, example: Path) -> None:
        pyproject = tomllib.loads((example / "pyproject.toml").read_text())
        assert "example" in Requirement(pyproject["project"]["dependencies"][0]).extras

    def test_a_fork_that_took_it_out_cannot_give_it(
        self, tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(contents, "EXAMPLE", {})
        with pytest.raises(ConfigError, match="without models/flights"):
            create_project(tmp_path / "new", "fares", Wheel(wheel), VERSION, example=True)


class TestTheTemplate:
    def test_the_wheel_has_what_a_checkout_gathers(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            room = f"taxiway/scaffold/project/{contents.FOLDER}/"
            packed = {
                name.removeprefix(room): archive.read(name)
                for name in archive.namelist()
                if name.startswith(room)
            }
        assert packed == {name: path.read_bytes() for name, path in template_files().items()}

    def test_a_wheel_makes_the_project_that_a_checkout_makes(
        self, project: Path, wheel: Path, tmp_path: Path
    ) -> None:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(tmp_path / "installed")
        options = ("--name", "fares", "--source", str(wheel))
        subprocess.run(
            [sys.executable, "-m", "taxiway", "new", "project", "made", *options],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
            check=True,
            capture_output=True,
        )
        made = tmp_path / "made"
        assert names(made) == names(project)
        for name in names(made):
            assert (made / name).read_bytes() == (project / name).read_bytes(), name

    def test_no_file_of_it_is_missing_here(self) -> None:
        for source in (*contents.COPIED, *contents.READ):
            assert (REPOSITORY / source).exists(), source

    def test_an_installation_without_it_says_so(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wheel: Path
    ) -> None:
        monkeypatch.setattr("taxiway.scaffold.project.template.is_checkout", lambda _: False)
        with pytest.raises(ConfigError, match="without the template"):
            create_project(tmp_path / "new", "fares", Wheel(wheel), VERSION)


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "told"),
        [
            ("", "is no name"),
            ("Fares", "is no name"),
            ("taxi_fares", "is no name"),
            ("taxi--fares", "is no name"),
            ("-fares", "is no name"),
            ("4fares", "is no name"),
            ("fares\n", "is no name"),
            ("../fares", "is no name"),
            ("f" * 64, "at most 63"),
            ("taxiway", "a package that the project itself needs"),
            ("numpy", "a package that the project itself needs"),
        ],
    )
    def test_a_name_that_is_none(self, name: str, told: str, tmp_path: Path, wheel: Path) -> None:
        with pytest.raises(ConfigError, match=told) as refused:
            create_project(tmp_path / "new", name, Wheel(wheel), VERSION)
        assert refused.value.edit == "--name"
        assert not (tmp_path / "new").exists()

    def test_a_folder_that_has_something_in_it(self, tmp_path: Path, wheel: Path) -> None:
        (tmp_path / "notes").touch()
        with pytest.raises(ConfigError, match="something in it already, such as notes"):
            create_project(tmp_path, "fares", Wheel(wheel), VERSION)
        assert names(tmp_path) == {"notes"}

    def test_a_file_in_the_place_of_a_folder(self, tmp_path: Path, wheel: Path) -> None:
        (tmp_path / "file").touch()
        for folder, told in (("file", "is a file"), ("file/below", "cannot be")):
            with pytest.raises(ConfigError, match=told):
                create_project(tmp_path / folder, "fares", Wheel(wheel), VERSION)

    def test_an_empty_folder_is_as_good_as_none(self, tmp_path: Path, wheel: Path) -> None:
        create_project(tmp_path, "fares", Wheel(wheel), VERSION)
        assert "Makefile" in names(tmp_path)

    def test_a_source_of_another_version(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=f"Taxiway 99.0, and this is {VERSION}"):
            create_project(tmp_path / "new", "fares", Index("99.0"), VERSION)


@pytest.mark.parametrize(
    ("source", "requirement"),
    [
        (Index(VERSION), f"taxiway[dask,kubeflow]=={VERSION}"),
        (Index(), f"taxiway[dask,kubeflow]=={VERSION}"),
    ],
)
def test_a_package_from_the_index_is_pinned_to_its_version(
    source: Source, requirement: str, tmp_path: Path
) -> None:
    create_project(tmp_path / "new", "fares", source, VERSION)
    pyproject = tomllib.loads((tmp_path / "new" / "pyproject.toml").read_text())
    assert pyproject["project"]["dependencies"] == [requirement]
    assert "sources" not in pyproject["tool"]["uv"]
    assert not (tmp_path / "new" / "wheels").exists()


class TestTheCommand:
    def test_it_says_what_comes_next(self, here: CommandLine, tmp_path: Path, wheel: Path) -> None:
        folder = tmp_path / "a project"
        done = here("new", "project", str(folder), "--name", "fares", "--source", str(wheel))
        assert done.code == 0
        assert f"cd '{folder}'" in done.out
        assert "taxiway new model NAME --data FILE" in done.out
        assert "make run-local CONFIG=NAME" in done.out

    def test_without_a_source_a_checkout_builds_its_own_wheel(
        self, here: CommandLine, tmp_path: Path
    ) -> None:
        done = here("new", "project", str(tmp_path / "new"), "--name", "fares")
        assert done.code == 0, done.err
        assert len(list((tmp_path / "new" / "wheels").glob(f"taxiway-{VERSION}-*.whl"))) == 1

    def test_a_refusal_is_an_error_of_usage(self, here: CommandLine, tmp_path: Path) -> None:
        done = here("new", "project", str(tmp_path / "new"), "--name", "Fares")
        assert done.code == 2
        assert "edit: --name" in done.err


class TestSplittingTheBase:
    TEXT = (
        "# about\na:\n  one: 1 # kept\n  # of two\n  two:\n    - 2\n\nb: {c: 1}\n"
        "d:\n  two: {x: 1}\n  three: 3\n\ne:\n  four: 4\n"
    )

    def test_keys_move_with_what_is_below_them_and_all_else_stays(self) -> None:
        rest, overlay = split(self.TEXT, ["a.two", "d.three"])
        moved = ("  # of two\n  two:\n    - 2\n", "  three: 3\n")
        assert overlay == "a:\n{}\nd:\n{}".format(*moved)
        assert rest == self.TEXT.replace(moved[0], "").replace(moved[1], "")

    def test_a_section_without_keys_goes_too(self) -> None:
        assert split(self.TEXT, ["e.four"])[0] == self.TEXT.removesuffix("e:\n  four: 4\n")
        assert "d:" not in split(self.TEXT, ["d.three", "d.two"])[0]

    @pytest.mark.parametrize("key", ["a.three", "x.one", "d.x"])
    def test_a_key_that_is_not_there_is_left_where_it_is(self, key: str) -> None:
        assert split(self.TEXT, [key]) == (self.TEXT, "")


@pytest.mark.parametrize("text", ["", "name: 1\n", "name: a\nversion: [\n", "- a\n", "\0"])
def test_a_record_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / ".taxiway.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"\.taxiway\.yaml") as refused:
        read_record(tmp_path)
    assert refused.value.edit == str(tmp_path / ".taxiway.yaml")


def test_a_folder_without_a_record_was_not_made_by_the_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not made by `taxiway new project`"):
        read_record(tmp_path)
