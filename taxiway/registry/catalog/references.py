"""What people call a version, to the version: the one parser of it, for every command."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, func, select

from taxiway.errors import ConfigError, did_you_mean
from taxiway.registry.database.tables import aliases, model_versions
from taxiway.registry.versions.records import ModelVersion, read_version

FORMS: Final = "flights/1.2.7, 1.2.7, flights@champion, @champion, or flights for its newest"
"""How a version can be named; a run's id and the first digits of a digest do too."""
_DIGEST: Final = re.compile(r"[0-9a-f]{7,64}")
_SHOWN: Final = 8
"""Names that an error lists."""
_COMPARED: Final = 500
"""Names among which a near one is looked for."""
_VERSIONS = model_versions.c
_NEWEST_FIRST = _VERSIONS.id.desc()


def find(connection: Connection, text: str, model: str = "") -> ModelVersion:
    """The version that is meant; see `FORMS`.

    Args:
      connection: the registry.
      text: what was typed. What could mean several things means the first of: a version's name,
        an alias, a model, a run's id, the start of a digest.
      model: whose version is meant where the text names none, as the config says it.

    Raises:
      ConfigError: there is none, or several models have one; with what there is.
    """
    name = text.strip()
    if "/" in name:
        named, _, version = name.partition("/")
        return _version(connection, named or model, version)
    if "@" in name:
        named, _, alias = name.partition("@")
        return _aliased(connection, named or model, alias)
    for query in _meanings(name, model):
        found = [row.id for row in connection.execute(query.limit(2))]
        if len(found) == 1:
            return read_version(connection, found[0])
        if found:
            raise ConfigError(
                f"'{name}' may be several versions: {_listed(_subjects(connection, query))}",
                edit=f"VERSION: {FORMS}",
            )
    if not model:
        raise _no_model(connection, name)
    raise _no_version(connection, model, name)


def require_model(connection: Connection, model: str) -> None:
    """Raises where the registry has no version of a model.

    Raises:
      ConfigError: with the models that it has.
    """
    if not is_model(connection, model):
        raise _no_model(connection, model)


def is_model(connection: Connection, name: str) -> bool:
    """Whether the registry has a version of a model of this name, if only an archived one."""
    query = select(_VERSIONS.id).where(_VERSIONS.model == name).limit(1)
    return connection.execute(query).first() is not None


def _meanings(name: str, model: str) -> list[Select[Any]]:
    """What a bare word may mean, in the order in which it is tried."""
    ids = select(_VERSIONS.id).order_by(_NEWEST_FIRST)
    shown = (_VERSIONS.model == name) & _VERSIONS.archived.is_(False)
    newest = select(func.max(_VERSIONS.id)).where(shown)
    of_model = ids.where(_VERSIONS.model == model) if model else ids
    queries = [
        of_model.where(_VERSIONS.name == name),
        ids.where(_VERSIONS.id == newest.scalar_subquery()),
        of_model.where(_VERSIONS.run_id == name),
        ids.where(_VERSIONS.run_id == name),
    ]
    if _DIGEST.fullmatch(name):
        starts = _VERSIONS.model_digest.startswith(name)
        queries += [of_model.where(starts), ids.where(starts)]
    return queries


def _version(connection: Connection, model: str, name: str) -> ModelVersion:
    query = select(_VERSIONS.id).where(_VERSIONS.model == model, _VERSIONS.name == name)
    found = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise _no_version(connection, model, name)
    return read_version(connection, found)


def _aliased(connection: Connection, model: str, alias: str) -> ModelVersion:
    query = select(aliases.c.alias, aliases.c.version_id).where(aliases.c.model == model)
    known = {row.alias: row.version_id for row in connection.execute(query)}
    if alias in known:
        return read_version(connection, known[alias])
    if not known:
        if model not in _models(connection):
            raise _no_model(connection, model)
        raise ConfigError(
            f"{model} has no alias '{alias}', nor any other",
            edit=f"VERSION, or `taxiway models alias {model}/VERSION {alias}`",
        )
    raise ConfigError(
        f"{model} has no alias '{alias}'{did_you_mean(alias, known)} "
        f"(it has: {_listed(sorted(known))})",
        edit=f"VERSION: {FORMS}",
    )


def _no_version(connection: Connection, model: str, name: str) -> ConfigError:
    query = select(_VERSIONS.name).where(_VERSIONS.model == model).order_by(_NEWEST_FIRST)
    known = list(connection.execute(query.limit(_COMPARED)).scalars())
    if not known:
        return _no_model(connection, model)
    return ConfigError(
        f"{model} has no version '{name}'{did_you_mean(name, known)} "
        f"(it has, newest first: {_listed(known)})",
        edit=f"VERSION: {FORMS}",
    )


def _no_model(connection: Connection, model: str) -> ConfigError:
    known = _models(connection)
    if not known:
        return ConfigError(
            f"'{model}' is not there: the registry has no version of any model yet",
            edit="registry, if this is the wrong one; a run that pushes a model registers it",
        )
    return ConfigError(
        f"the registry has no version of a model '{model}'{did_you_mean(model, known)} "
        f"(it has: {_listed(known)})",
        edit=f"VERSION: {FORMS}; or model.name",
    )


def _models(connection: Connection) -> list[str]:
    query = select(_VERSIONS.model).distinct().order_by(_VERSIONS.model)
    return list(connection.execute(query).scalars())


def _subjects(connection: Connection, query: Select[Any]) -> list[str]:
    columns = query.with_only_columns(_VERSIONS.model, _VERSIONS.name).limit(_COMPARED)
    return [f"{row.model}/{row.name}" for row in connection.execute(columns)]


def _listed(names: Sequence[str]) -> str:
    return ", ".join([*names[:_SHOWN], *["..."] * (len(names) > _SHOWN)])
