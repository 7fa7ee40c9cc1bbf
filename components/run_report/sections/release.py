"""Where the release of a run's version stands: what the report and the summary say of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from taxiway.metadata.records import NodeRecord, artifact_of
from taxiway.registry.approval.states import in_words, state_of
from taxiway.registry.database.session import open_database
from taxiway.registry.section import Registry
from taxiway.registry.versions.records import find_version


def release_of(settings: Registry, nodes: Sequence[NodeRecord]) -> dict[str, Any] | None:
    """Version, environment and state, and all of it in words.

    Returns:
      None where a version serves at once, or where nothing was registered.
    """
    made = artifact_of(nodes, "ModelVersion")
    if made is None or not settings.approval.holds_back:
        return None
    try:
        database = open_database(settings)
        version = find_version(database, made.properties["model_name"], made.properties["digest"])
        if version is None:
            return None
        with database.reading() as connection:
            state = state_of(connection, version, settings.environment)
    except Exception:  # of the database: the report is made without
        logging.exception("the state of the version is not known")
        return None
    if state is None:
        return None
    return {
        "version": version.subject,
        "environment": settings.environment,
        "state": state.state,
        "told": in_words(state, settings.environment),
    }
