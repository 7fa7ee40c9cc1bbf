"""What people call a run, to the run: the one parser of it, for every command."""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import Connection, select

from taxiway.errors import ConfigError, did_you_mean
from taxiway.registry.database.tables import runs

FORMS: Final = "a run's id, its first characters, latest, or latest~1 for the one before"
"""How a run can be named."""
_LATEST: Final = re.compile(r"latest(?:~([0-9]{1,6}))?", re.IGNORECASE)
_SHOWN: Final = 8
"""Runs that an error lists."""
_COMPARED: Final = 500
"""Runs among which a near one is looked for."""
_NEWEST_FIRST: Final = (runs.c.started_at.desc(), runs.c.run_id.desc())


def find_run(connection: Connection, text: str) -> str:
    """The id of the run that is meant; see `FORMS`.

    Raises:
      ConfigError: there is none, or several begin so; with those that there are.
    """
    name = text.strip()
    latest = _LATEST.fullmatch(name)
    if latest:
        return _nth(connection, name, int(latest[1] or 0))
    if name:
        exact = connection.execute(select(runs.c.run_id).where(runs.c.run_id == name)).scalar()
        if exact is not None:
            return str(exact)
        starts = runs.c.run_id.startswith(name, autoescape=True)
        query = select(runs.c.run_id).where(starts).order_by(*_NEWEST_FIRST)
        found = list(connection.execute(query.limit(_SHOWN + 1)).scalars())
        if len(found) == 1:
            return str(found[0])
        if found:
            raise ConfigError(
                f"'{name}' may be several runs: {_listed(found)}", edit=f"RUN: {FORMS}"
            )
    raise _no_run(connection, name)


def _nth(connection: Connection, name: str, number: int) -> str:
    query = select(runs.c.run_id).order_by(*_NEWEST_FIRST).offset(number).limit(1)
    found = connection.execute(query).scalar()
    if found is None:
        raise _no_run(connection, name)
    return str(found)


def _no_run(connection: Connection, name: str) -> ConfigError:
    query = select(runs.c.run_id).order_by(*_NEWEST_FIRST).limit(_COMPARED)
    known = list(connection.execute(query).scalars())
    if not known:
        return ConfigError(
            f"there is no run '{name}': the index of runs is empty",
            edit="registry, if this is the wrong one; `taxiway runs reindex` finds older runs",
        )
    return ConfigError(
        f"there is no run '{name}'{did_you_mean(name, known)} (the newest are: {_listed(known)})",
        edit=f"RUN: {FORMS}",
    )


def _listed(names: list[str]) -> str:
    return ", ".join([*names[:_SHOWN], *["..."] * (len(names) > _SHOWN)])
