"""The run lock, between real processes: one run at a time, and a dead one holds nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.metadata.connection import SqliteMetadata
from taxiway.runners.local import lock
from taxiway.runners.local.lock import run_lock
from tests.conftest import REPOSITORY

HOLD = """
import sys
from taxiway.metadata.connection import SqliteMetadata
from taxiway.runners.local.lock import run_lock
with run_lock(SqliteMetadata(kind="sqlite", path=sys.argv[1]), "r1", print):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "new" / "metadata.sqlite")


@contextmanager
def holder(store: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until it is told to let go, or dies."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, store],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def acquire(store: str, wait_seconds: float, run_id: str = "r2") -> list[str]:
    said: list[str] = []
    with run_lock(
        SqliteMetadata(kind="sqlite", path=store, wait_seconds=wait_seconds), run_id, said.append
    ):
        return said


def test_a_free_store_is_held_at_once_and_says_nothing(store: str) -> None:
    assert acquire(store, 0) == []
    assert Path(f"{store}.lock").read_text() == ""


def test_the_lock_names_its_run_while_it_is_held(store: str) -> None:
    with run_lock(SqliteMetadata(kind="sqlite", path=store), "r7", print):
        told = Path(f"{store}.lock").read_text()
    assert told == f"run r7, process {os.getpid()}"


def test_the_second_waits_says_for_whom_once_and_goes_on(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []
    with holder(store) as process:

        def nap(seconds: float) -> None:
            naps.append(seconds)
            if len(naps) == 3:
                let_go(process)
                process.wait(30)

        monkeypatch.setattr(lock, "time", SimpleNamespace(monotonic=time.monotonic, sleep=nap))
        assert acquire(store, 60) == [
            f"waiting for run r1, process {process.pid}, which uses the same metadata store"
        ]
    assert naps == [lock.POLL_SECONDS] * 3


def test_who_waits_too_long_is_told_who_holds_it(store: str) -> None:
    with holder(store) as process, pytest.raises(TaxiwayError) as gave_up:
        acquire(store, 0.25)
    assert gave_up.value.message == (
        f"run r1, process {process.pid} still uses the metadata store after 0.25 s"
    )
    assert "metadata.wait_seconds" in gave_up.value.edit


def test_a_holder_that_has_not_said_its_name_yet_is_another_run(store: str) -> None:
    with holder(store):
        os.truncate(f"{store}.lock", 0)
        with pytest.raises(TaxiwayError, match="another run still uses"):
            acquire(store, 0)


def test_a_holder_that_was_killed_holds_nothing(store: str) -> None:
    with holder(store) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        assert Path(f"{store}.lock").read_text() == f"run r1, process {process.pid}"
        assert acquire(store, 0) == []


def test_a_run_that_was_killed_is_told_of_before_the_next_one_names_itself(store: str) -> None:
    with holder(store) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    buried: list[str] = []

    def fail(run_id: str) -> None:
        buried.append(run_id)
        raise ValueError("killed while it cleans up")

    metadata = SqliteMetadata(kind="sqlite", path=store)
    with pytest.raises(ValueError, match="killed while"), run_lock(metadata, "r2", print, fail):
        pass
    with run_lock(metadata, "r3", print, buried.append):
        assert Path(f"{store}.lock").read_text().startswith("run r3, ")
    with run_lock(metadata, "r4", print, buried.append):
        pass
    assert buried == ["r1", "r1"]


def test_a_run_that_raised_is_none_that_was_killed(store: str) -> None:
    metadata = SqliteMetadata(kind="sqlite", path=store)
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), run_lock(metadata, "r1", print):
            raise error
        buried: list[str] = []
        with run_lock(metadata, "r2", print, buried.append):
            pass
        assert buried == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_users_lock_file_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents[:2]:
        folder.chmod(0o755)
    path = tmp_path / "m.sqlite.lock"
    path.touch(mode=0o600)
    refusal = refused_as(65534, tmp_path / "m.sqlite")
    assert refusal.message == (
        f"the lock file {path} cannot be opened: Permission denied; every user of the metadata "
        "store has to be able to write it"
    )
    assert refusal.edit == (f"the owner or mode of {path}, or metadata.path for a store of its own")


def test_a_lock_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.sqlite.lock").mkdir()
    refusal = refused_as(os.geteuid(), tmp_path / "m.sqlite")
    assert f"{tmp_path}/m.sqlite.lock cannot be opened: Is a directory; " in refusal.message


def refused_as(user: int, store: Path) -> ConfigError:
    own = os.geteuid()
    os.seteuid(user)
    try:
        with pytest.raises(ConfigError) as refused:
            acquire(str(store), 0)
    finally:
        os.seteuid(own)
    return refused.value


def test_a_lock_file_of_odd_bytes_is_no_trouble(store: str) -> None:
    Path(store).parent.mkdir(parents=True)
    Path(f"{store}.lock").write_bytes(b"run \xff\xfe, process x")
    assert acquire(store, 0) == []


def test_a_run_that_raises_holds_nothing(store: str) -> None:
    with (
        pytest.raises(ValueError, match="broke"),
        run_lock(SqliteMetadata(kind="sqlite", path=store), "r1", print),
    ):
        raise ValueError("it broke")
    assert acquire(store, 0) == []


def test_another_store_is_another_lock(store: str, tmp_path: Path) -> None:
    with run_lock(SqliteMetadata(kind="sqlite", path=store), "r1", print):
        assert acquire(str(tmp_path / "other.sqlite"), 0) == []
