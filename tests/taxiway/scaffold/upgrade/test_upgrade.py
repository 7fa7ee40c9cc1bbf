"""A project takes a later version of its template: from one wheel to another, its own work kept."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from taxiway.errors import ConfigError
from taxiway.scaffold.project.create import create_project
from taxiway.scaffold.project.record import read_record
from taxiway.scaffold.project.sources import Wheel, installed_version
from taxiway.scaffold.upgrade.merge import Merged
from taxiway.scaffold.upgrade.upgrade import Upgraded, upgrade_project
from tests.conftest import CommandLine, build_wheel, copy_of_sources

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

VERSION, LATER = installed_version(), "98.0"


@pytest.fixture(scope="module", autouse=True)
def _nobodys_settings() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
        yield


def git(folder: Path, *arguments: str) -> str:
    options = ("-c", "user.name=A fork", "-c", "user.email=fork@example.com")
    done = subprocess.run(
        ["git", *options, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new))


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a later version, with another template."""
    root = tmp_path_factory.mktemp("later")
    source = copy_of_sources(root / "source")
    replace(source / "pyproject.toml", f'\nversion = "{VERSION}"\n', f'\nversion = "{LATER}"\n')
    append(source / "pipelines" / "exit.py", "# later: the exit\n")
    append(source / "pipelines" / "training.py", "# later: the training\n")
    append(source / "components" / "artifacts.py", "# later: the artifacts\n")
    append(source / "components" / "notify" / "component.py", "# later: a notifier\n")
    append(source / "requirements.lock", "later==1.0 --hash=sha256:0\n")
    (source / "components" / "later.py").write_text('"""Later: a component."""\n')
    (source / "components" / "pusher" / "executor.py").unlink()
    replace(source / "configs" / "base.yaml", "  shards: 4", "  shards: 5")
    makefile = source / "taxiway" / "scaffold" / "project" / "files" / "Makefile.j2"
    append(makefile, "\nlater: ## Later.\n")
    build_wheel(source, root)
    (built,) = root.glob("*.whl")
    return built


class Project:
    """A new project in a repository of its own."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        create_project(folder, "fares", Wheel(wheel), VERSION)
        git(folder, "init", "--quiet", "--initial-branch=main")
        self.commit("As made")

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def commit(self, message: str) -> None:
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--message", message)

    def tree(self) -> dict[str, str]:
        """What git has of each file, in its index."""
        lines = git(self.folder, "ls-files", "--stage").splitlines()
        return {line.partition("\t")[2]: line.split()[1] for line in lines}


@pytest.fixture
def project(tmp_path: Path, wheel: Path) -> Project:
    return Project(tmp_path / "fares", wheel)


@dataclasses.dataclass(frozen=True)
class Whole:
    """A project that has been worked on for a while, and what an upgrade made of it."""

    project: Project
    before: dict[str, str]
    done: Upgraded


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, wheel: Path, later: Path) -> Whole:
    project = Project(tmp_path_factory.mktemp("whole") / "fares", wheel)
    (project / "models" / "fares").mkdir()
    (project / "models" / "fares" / "__init__.py").write_text('"""Ours: a model."""\n')
    (project / "configs" / "fares.yaml").write_text("model: {name: fares}\n")
    append(project / "pipelines" / "exit.py", "# ours: the exit\n")
    first = (project / "pipelines" / "training.py").read_text().partition("\n")[0]
    replace(project / "pipelines" / "training.py", f"{first}\n", '"""Ours: the training."""\n')
    replace(project / "configs" / "base.yaml", "drift_threshold: 0.3", "drift_threshold: 0.4")
    append(project / "components" / "pusher" / "executor.py", "# ours: a push\n")
    append(project / "README.md", "\nOurs.\n")
    replace(
        project / "pyproject.toml",
        "project needs besides\n",
        'project needs besides\n  "polars",\n',
    )
    git(project.folder, "rm", "-r", "--quiet", "components/notify", "configs/vertex.yaml")
    project.commit("Ours")
    before = project.tree()
    done = upgrade_project(project.folder, str(later))
    return Whole(project, before, done)


class TestAnUpgrade:
    def test_a_file_that_the_project_left_alone_is_the_templates(self, whole: Whole) -> None:
        assert (whole.project / "components/artifacts.py").read_text().endswith(": the artifacts\n")
        assert "\nlater: ## Later.\n" in (whole.project / "Makefile").read_text()

    def test_a_new_file_is_there(self, whole: Whole) -> None:
        assert (whole.project / "components/later.py").is_file()

    def test_a_file_that_both_have_changed_has_both_changes(self, whole: Whole) -> None:
        text = (whole.project / "pipelines/training.py").read_text()
        assert text.startswith('"""Ours: the training."""\n')
        assert text.endswith("# later: the training\n")
        base = (whole.project / "configs/base.yaml").read_text()
        assert "drift_threshold: 0.4" in base
        assert "shards: 5" in base

    def test_a_line_that_both_have_changed_is_marked_and_named(self, whole: Whole) -> None:
        assert whole.done.merged.conflicts == ("pipelines/exit.py",)
        text = (whole.project / "pipelines/exit.py").read_text()
        ours, theirs = text.partition("<<<<<<<")[2].split("=======")
        assert "# ours: the exit" in ours
        assert "# later: the exit" in theirs

    def test_what_the_project_has_deleted_stays_deleted(self, whole: Whole) -> None:
        assert whole.done.merged.kept_deleted == ("components/notify/component.py",)
        assert not (whole.project / "components/notify").exists()
        assert not (whole.project / "configs/vertex.yaml").exists()

    def test_what_the_template_has_no_longer_stays_if_the_project_changed_it(
        self, whole: Whole
    ) -> None:
        assert whole.done.merged.kept == ("components/pusher/executor.py",)
        text = (whole.project / "components/pusher/executor.py").read_text()
        assert text.endswith("# ours: a push\n")

    def test_the_package_is_the_later_one_and_the_projects_own_stay(self, whole: Whole) -> None:
        text = (whole.project / "pyproject.toml").read_text()
        assert f'"taxiway[dask,kubeflow]=={LATER}"' in text
        assert '"polars"' in text
        (packed,) = (whole.project / "wheels").iterdir()
        assert f'path = "wheels/{packed.name}"' in text
        assert Wheel(packed).version == LATER

    def test_the_record_is_of_the_later_version(self, whole: Whole) -> None:
        record = read_record(whole.project.folder)
        assert record == whole.done.after
        before = dataclasses.replace(record, version=VERSION, source=whole.done.before.source)
        assert before == whole.done.before
        assert record.version == LATER

    def test_a_lock_that_the_project_left_alone_is_the_templates(self, whole: Whole) -> None:
        assert not whole.done.lock_kept
        assert "later==1.0" in (whole.project / "requirements.lock").read_text()

    def test_nothing_else_has_changed(self, whole: Whole) -> None:
        after = whole.project.tree()
        changed = {
            name for name in whole.before | after if whole.before.get(name) != after.get(name)
        }
        merged = whole.done.merged
        told = {*merged.changed, *merged.conflicts}
        ours = {".taxiway.yaml", whole.done.before.source, whole.done.after.source}
        assert changed == told | ours
        assert {"models/fares/__init__.py", "configs/fares.yaml"} <= set(after)

    def test_all_of_it_is_ready_to_be_committed_but_the_conflict(self, whole: Whole) -> None:
        loose = git(whole.project.folder, "status", "--porcelain").splitlines()
        assert [line for line in loose if line[1] != " "] == ["UU pipelines/exit.py"]
        assert git(whole.project.folder, "rev-list", "--count", "HEAD").strip() == "2"


def test_an_upgrade_to_the_same_version_changes_nothing(project: Project, wheel: Path) -> None:
    done = upgrade_project(project.folder, str(wheel))
    assert done.merged == Merged()
    assert git(project.folder, "status", "--porcelain") == ""


def test_a_lock_of_the_projects_own_stays(project: Project, later: Path) -> None:
    append(project / "requirements.lock", "polars==1.0 --hash=sha256:1\n")
    project.commit("make lock")
    done = upgrade_project(project.folder, str(later))
    assert done.lock_kept
    assert (project / "requirements.lock").read_text().endswith("polars==1.0 --hash=sha256:1\n")
    assert done.merged.conflicts == ()


def test_an_upgrade_of_an_upgraded_project_merges_with_that(
    project: Project, wheel: Path, later: Path
) -> None:
    upgrade_project(project.folder, str(later))
    project.commit("Upgrade")
    done = upgrade_project(project.folder, str(wheel))
    assert done.before.version == LATER
    assert done.merged.conflicts == ()
    git(project.folder, "commit", "--quiet", "--no-edit")
    assert git(project.folder, "diff", "HEAD~2", "--stat") == ""


class TestRefusals:
    def test_changes_that_are_not_committed(self, project: Project, later: Path) -> None:
        append(project / "README.md", "not committed\n")
        with pytest.raises(ConfigError, match=r"not clean \(README.md\)"):
            upgrade_project(project.folder, str(later))

    def test_a_wheel_that_is_gone(self, project: Project, later: Path) -> None:
        git(project.folder, "rm", "-r", "--quiet", "wheels")
        git(project.folder, "commit", "--quiet", "--message", "Without the wheel")
        with pytest.raises(ConfigError, match="does not exist") as refused:
            upgrade_project(project.folder, str(later))
        assert ".taxiway.yaml" in refused.value.edit

    def test_a_record_of_another_version_than_its_wheel(
        self, project: Project, later: Path
    ) -> None:
        replace(project / ".taxiway.yaml", f"version: {VERSION}", "version: 0.0.1")
        project.commit("By hand")
        with pytest.raises(ConfigError, match=r"is not Taxiway 0\.0\.1"):
            upgrade_project(project.folder, str(later))

    def test_no_source_where_the_projects_own_knows_of_none(self, project: Project) -> None:
        with pytest.raises(ConfigError, match="knows of no later one") as refused:
            upgrade_project(project.folder, "")
        assert "a git address" in refused.value.edit

    def test_what_is_no_source(self, project: Project) -> None:
        with pytest.raises(ConfigError, match="--to: 'newest' is no source"):
            upgrade_project(project.folder, "newest")

    def test_a_folder_that_is_no_project(self, tmp_path: Path, later: Path) -> None:
        with pytest.raises(ConfigError, match="not made by `taxiway new project`"):
            upgrade_project(tmp_path, str(later))


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def _leaves_no_project_on_the_path(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "path", [*sys.path])
        monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))

    def test_a_conflict_is_told_and_is_a_failure(
        self,
        project: Project,
        later: Path,
        here: CommandLine,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        append(project / "pipelines/exit.py", "# ours: the exit\n")
        project.commit("Ours")
        monkeypatch.chdir(project / "components")
        done = here("upgrade", "--to", str(later))
        assert done.code == 1
        assert f"Taxiway {VERSION} -> {LATER}" in done.out
        assert "conflict   pipelines/exit.py: changed here and in the template" in done.out
        assert "git reset --hard" in done.out

    def test_json_has_all_of_it(
        self, project: Project, wheel: Path, here: CommandLine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(project.folder)
        done = here("upgrade", "--to", str(wheel), "--json")
        assert done.code == 0
        assert done.report["after"]["version"] == VERSION
        assert done.report["merged"]["conflicts"] == []
