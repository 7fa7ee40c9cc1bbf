"""Takes over an SQLite file of a release before there were revisions, with all that is in it.

Everything is one transaction of SQLite's, so that a process that is killed has changed nothing. The
file as it was is kept beside it.
"""

from __future__ import annotations

import filecmp
import itertools
import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, insert, inspect, text

from taxiway.registry.audit.chain import append
from taxiway.registry.auth.actor import system_actor
from taxiway.registry.database.release import USER_VERSION, VERSION_TABLE
from taxiway.registry.database.tables import deploy_queue, model_versions, version_states

_OLDER_TABLES: Final = ("model_versions", "deploy_queue")
KEPT_NAME: Final = "{stem}.of-older-release{number}{suffix}"
"""Of the file as it was: `registry.of-older-release.sqlite`, and `-2`, `-3` where one is there."""
APPROVED_BEFORE: Final = "pushed by a release that knew no approvals"


def upgrade_file(connection: Connection, path: Path, make_tables: Callable[[], None]) -> None:
    """Brings a file to the tables of today, within the transaction that the connection holds.

    Args:
      connection: alone in writing.
      path: of the file.
      make_tables: makes the tables of today, which have the older ones' names.
    """
    there = set(inspect(connection).get_table_names())
    number = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    has_revision = VERSION_TABLE in there  # then the migrations know what to do
    older = [] if has_revision else [name for name in _OLDER_TABLES if name in there]
    if older:
        kept = _keep(path)
        rows = {name: _rows(connection, name) for name in older}
        for name in older:
            connection.exec_driver_sql(f"DROP TABLE {name}")
    make_tables()
    if older:
        counted = {name: _fill(connection, name, rows[name]) for name in older}
        after = {"tables_of_version": number, "rows": counted, "kept": kept.name}
        append(connection, system_actor(), "registry.taken_over", path.name, None, after, "")
    connection.exec_driver_sql(f"PRAGMA user_version = {USER_VERSION}")


def _rows(connection: Connection, name: str) -> list[Mapping[str, Any]]:
    query = text(f"SELECT * FROM {name} ORDER BY id")  # noqa: S608  # ours
    return [dict(row) for row in connection.execute(query).mappings()]


def _fill(connection: Connection, name: str, rows: list[Mapping[str, Any]]) -> int:
    """Writes the rows of an older table as today's, under their ids; gives how many."""
    for row in rows:
        for table, values in _TAKEN_OVER[name](row):
            connection.execute(insert(table).values(values))
    return len(rows)


def _version(row: Mapping[str, Any]) -> list[tuple[Any, dict[str, Any]]]:
    """What an older release did not write down is empty; it approved whatever it pushed."""
    names = {"name": f"{row['major']}.{row['minor']}.{row['pipeline']}", "author": ""}
    unknown: dict[str, Any] = {key: {} for key in ("contract", "reasons", "baseline", "facts")}
    values = dict(row) | names | unknown | {"checks": {}, "metrics": json.loads(row["metrics"])}
    state = {"version_id": row["id"], "environment": "", "state": "approved"}
    state |= {"reason": APPROVED_BEFORE, "changed_at": row["created_at"]}
    return [(model_versions, values), (version_states, state)]


def _queued(row: Mapping[str, Any]) -> list[tuple[Any, dict[str, Any]]]:
    """The first release's entries do not say where a push is."""
    values = dict(row) | {"taken_by": row["taken_by"] or "", "pushed_to": row.get("pushed_to", "")}
    return [(deploy_queue, values)]


_TAKEN_OVER: Final = {"model_versions": _version, "deploy_queue": _queued}


def _keep(path: Path) -> Path:
    """Copies the file as it is, its write-ahead log included, and gives the copy's path.

    SQLite's own backup reads while nobody else can write. A copy is whole when it has its name; one
    of an earlier try, which was killed, is the same and serves.
    """
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(draft)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, which says all by itself
    for number in itertools.count(1):
        told = "" if number == 1 else f"-{number}"
        kept = path.with_name(KEPT_NAME.format(stem=path.stem, number=told, suffix=path.suffix))
        if not kept.exists():
            draft.rename(kept)
            return kept
        if filecmp.cmp(draft, kept, shallow=False):
            draft.unlink()
            return kept
    raise AssertionError("numbers do not end")
