"""What tests share: one data set and one run of the real pipeline, made once for all workers."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import xdist

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.scaffold.project.contents import gathered
from tests.tied import tied

pytest_plugins = ["taxiway.testing.plugin", "tests.databases", "tests.receiver"]

REPOSITORY = Path(__file__).parents[1]
TINY = str(REPOSITORY / "tests" / "tiny" / "tiny.yaml")
"""The config of the machine room's tests, with a model folder and data of their own."""
DATABASES = ("metadata.sqlite", "registry.sqlite")
MEASURED: dict[str, str] = {}
"""What has a process that a test starts measured by coverage too, as this one is; see below."""


@pytest.fixture(scope="session", autouse=True)
def _processes_are_not_measured() -> Iterator[None]:
    """Coverage makes a pipeline that runs in a process of its own slower by a third.

    So it follows only into those that are started with MEASURED in their environment: one of each
    kind is enough to see which lines run.
    """
    name = "COVERAGE_PROCESS_CONFIG"
    if name in os.environ:
        MEASURED[name] = os.environ.pop(name)
    yield
    os.environ.update(MEASURED)


@contextlib.contextmanager
def not_measured() -> Iterator[None]:
    """For code that is not ours and much of it: coverage has no use for it, and slows it by half.

    Whatever traces this thread and those to come is put aside meanwhile.
    """
    here, others = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type]  # None takes it away
    try:
        yield
    finally:
        threading.settrace(others)  # type: ignore[arg-type]  # None takes it away
        sys.settrace(here)


@dataclasses.dataclass(frozen=True)
class Finished:
    """A `taxiway` process that has ended."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The report that `run --json` printed."""
        return dict(json.loads(self.out))


def taxiway(*arguments: str, env: dict[str, str] | None = None, timeout: float = 600) -> Finished:
    """Runs the real command line in a process of its own."""
    done = subprocess.run(
        tied(sys.executable, "-m", "taxiway", *arguments),
        cwd=REPOSITORY,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


CommandLine = Callable[..., Finished]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Runs the command line in this process: sooner than `taxiway`, which loads everything anew."""
    from taxiway.cli import main as cli

    def call(*arguments: str) -> Finished:
        monkeypatch.setattr(sys, "argv", ["taxiway", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capfd.readouterr()
        return Finished(int(ended.value.code or 0), told.out, told.err)

    return call


@dataclasses.dataclass(frozen=True)
class Workspace:
    """A folder with input spans, and the options that point a command at it."""

    root: Path
    overlay: str = TINY
    settings: tuple[str, ...] = ()
    """Assignments beside that of the folder."""

    @property
    def assignments(self) -> list[str]:
        return [f"output.root={self.root}", *self.settings]

    @property
    def options(self) -> list[str]:
        sets = [word for value in self.assignments for word in ("--set", value)]
        return ["--config", self.overlay, *sets]

    def config(self, *assignments: str) -> Config:
        return load_config([self.overlay], [*self.assignments, *assignments])

    @property
    def metadata(self) -> Path:
        """The SQLite file of ML Metadata."""
        section = self.config().metadata
        assert section.kind == "sqlite"
        return Path(section.path)

    def run(self, *assignments: str, env: dict[str, str] | None = None) -> Finished:
        sets = [part for value in assignments for part in ("--set", value)]
        return taxiway("run", *self.options, *sets, "--json", env=env)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several processes share the tests, the long ones are first, so that none waits long."""
    if items and xdist.is_xdist_worker(items[0].session):
        items.sort(key=lambda item: item.get_closest_marker("pipeline") is None)


@pytest.fixture(scope="session")
def shared_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all pytest-xdist workers of this session.

    Not by the environment: a pytest that a test starts has it of the worker which runs the test,
    and would share a folder with every other session on this machine.
    """
    base = tmp_path_factory.getbasetemp()
    return base.parent if xdist.is_xdist_worker(request) else base


def once(folder: Path, name: str, make: Callable[[Path], None]) -> Path:
    """Makes a folder by whichever worker comes first; the others wait for it."""
    target = folder / name
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / ".made").exists():
            target.mkdir(exist_ok=True)
            make(target)
            (target / ".made").touch()
    return target


@pytest.fixture(scope="session")
def spans(shared_folder: Path) -> Path:
    """The tiny data set, exported once; copy it (see `workspace`) before changing it."""

    def make(target: Path) -> None:
        done = taxiway("data", "--config", TINY, "--set", f"output.root={target}")
        assert done.code == 0, done.err

    return once(shared_folder, "spans", make)


@pytest.fixture
def workspace(spans: Path, tmp_path: Path) -> Workspace:
    """A fresh workspace with the tiny data set and nothing run yet."""
    return copied(spans, tmp_path / "var")


Run = tuple[Workspace, dict[str, Any]]


@pytest.fixture(scope="session")
def runs_folder(spans: Path, shared_folder: Path) -> Path:
    """The whole pipeline on the tiny config, and at once again with nothing changed."""

    def make(target: Path) -> None:
        workspace = copied(spans, target / "var")
        for name in ("first", "second"):
            done = workspace.run(env=MEASURED)
            assert done.code == 0, done.out + done.err
            (target / f"{name}.json").write_text(done.out)
        (target / "ended").mkdir()
        for name in DATABASES:
            with (
                contextlib.closing(sqlite3.connect(workspace.root / name)) as source,
                contextlib.closing(sqlite3.connect(target / "ended" / name)) as copy,
            ):
                source.backup(copy)

    return once(shared_folder, "runs", make)


@pytest.fixture(scope="session")
def shared_workspace(runs_folder: Path) -> Workspace:
    """Where both runs were, for tests that run there again, when most nodes are cached.

    What they find of earlier runs depends on the tests before them; a test that looks at the first
    two takes `first_run` and `second_run`.
    """
    return Workspace(runs_folder / "var")


@pytest.fixture(scope="session")
def first_two_runs(runs_folder: Path) -> tuple[Run, Run]:
    """Both, with the databases as they were when the second ended; look, but do not run there."""
    metadata, registry = (runs_folder / "ended" / name for name in DATABASES)
    settings = (f"metadata.path={metadata}", f"registry.path={registry}")
    workspace = Workspace(runs_folder / "var", settings=settings)
    first, second = (
        (workspace, json.loads((runs_folder / f"{name}.json").read_text()))
        for name in ("first", "second")
    )
    return first, second


@pytest.fixture(scope="session")
def first_run(first_two_runs: tuple[Run, Run]) -> Run:
    """The first of all runs; look, but do not touch."""
    return first_two_runs[0]


@pytest.fixture(scope="session")
def second_run(first_two_runs: tuple[Run, Run]) -> Run:
    """The run after it, with nothing changed."""
    return first_two_runs[1]


def copied(source: Path, target: Path) -> Workspace:
    """A workspace with the data of another."""
    shutil.copytree(source / "data", target / "data")
    return Workspace(target)


@pytest.fixture
def interrupt() -> Callable[[subprocess.Popen[str]], None]:
    """Sends Ctrl-C to a process that a test started."""

    def send(process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGINT)

    return send


@pytest.fixture(scope="session")
def wheel(shared_folder: Path) -> Path:
    """The wheel of a copy of this repository, as `pip wheel .` builds it."""

    def make(target: Path) -> None:
        build_wheel(copy_of_sources(target / "source"), target)

    (built,) = once(shared_folder, "wheel", make).glob("*.whl")
    return built


def copy_of_sources(copy: Path) -> Path:
    """A copy of what the wheel is made of, to be built, and changed before that."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "taxiway", copy / "taxiway", ignore=ignored)
    names = ["LICENSE", "tools/wheel_template.py", *gathered(REPOSITORY)]
    for name in names:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, copy / name)
    return copy


def build_wheel(source: Path, target: Path) -> None:
    """Builds the wheel of a copy into a folder."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)],
        cwd=source,
        check=True,
        capture_output=True,
    )
