"""A database that cannot be used is refused with what is wrong, and what can be is not touched."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from taxiway.errors import ConfigError
from taxiway.process.sqlite_file import check_sqlite, check_whole

MENDED = "registry.path, or restore the file from a backup, or move it away to begin anew"


def database(path: Path, table: str = "model_versions", rows: int = 3000) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, name TEXT)")
        names = ((f"version {number}",) for number in range(rows))
        connection.executemany(f"INSERT INTO {table} (name) VALUES (?)", names)
        connection.execute(f"CREATE INDEX by_name ON {table} (name)")
        connection.commit()


def no_database(path: Path) -> None:
    path.write_text("this is not a database, but it is long enough to look at " * 20)


def overwritten(path: Path) -> None:
    database(path)
    path.write_bytes(bytes(4096) + path.read_bytes()[4096:])


def of_something_else(path: Path) -> None:
    database(path, "recipes")


REFUSED: dict[Callable[[Path], object], tuple[str, str]] = {
    Path.mkdir: ("is a folder, expected an SQLite database", "registry.path"),
    os.mkfifo: ("is no regular file, expected an SQLite database", "registry.path"),
    no_database: ("cannot be used: file is not a database", MENDED),
    overwritten: ("cannot be used: file is not a database", MENDED),
    of_something_else: (
        "is a database of something else: it has no table 'model_versions', but recipes",
        "registry.path",
    ),
}


@pytest.mark.parametrize("made", REFUSED, ids=lambda made: made.__name__)
def test_what_is_no_database_of_ours_is_refused(
    tmp_path: Path, made: Callable[[Path], object]
) -> None:
    path = tmp_path / "registry.sqlite"
    made(path)
    told, edit = REFUSED[made]
    with pytest.raises(ConfigError) as refused:
        check_sqlite(path, "registry.path", "model_versions")
    assert refused.value.message == f"registry.path: {path} {told}"
    assert refused.value.edit == edit


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
        (OSError(errno.EROFS, "Read-only file system"), "Read-only file system"),
    ],
)
def test_what_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, told: str
) -> None:
    """Root may write what it likes, so the answer of open() is what is changed."""
    path = tmp_path / "registry.sqlite"
    database(path)

    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ConfigError) as refused:
        check_sqlite(path, "registry.path", "model_versions")
    assert refused.value.message == f"registry.path: {path} cannot be used: {told}"
    assert refused.value.edit == MENDED


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zeroed(path: Path) -> None:
    text = path.read_bytes()
    path.write_bytes(text[:8192] + bytes(len(text) - 8192))


@pytest.mark.parametrize("damage", [cut, zeroed])
def test_damage_behind_the_first_page_is_found_by_who_reads_all(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    path = tmp_path / "registry.sqlite"
    database(path)
    check_whole(path, "registry.path")
    damage(path)
    with pytest.raises(ConfigError) as refused:
        check_whole(path, "registry.path")
    assert refused.value.message.startswith(f"registry.path: {path} cannot be used: ")
    assert len(refused.value.message) < 300 + len(str(path))
    assert refused.value.edit == MENDED


def test_one_that_is_missing_or_empty_is_fine_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    check_sqlite(path, "registry.path", "model_versions")
    check_whole(path, "registry.path")
    assert not path.exists()
    path.touch()
    check_sqlite(path, "registry.path", "model_versions")
    check_whole(path, "registry.path")
    assert path.read_bytes() == b""


def test_one_that_someone_writes_to_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    database(path)
    before = path.read_bytes()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        check_sqlite(path, "registry.path", "model_versions")
        writer.execute("COMMIT")
    assert path.read_bytes() == before
