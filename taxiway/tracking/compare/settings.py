"""Which keys of the config differ between runs, without those that cannot matter."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import Final

from pydantic import JsonValue

from taxiway.tracking.compare.differences import Difference
from taxiway.tracking.run_record.record import RunRecord

CANNOT_MATTER: Final[Mapping[str, str]] = {
    "output.*": "where a run puts what it makes",
    "metadata.*": "where ML Metadata is",
    "push.*": "where models go once they are made",
    "notify.*": "who is told of a run",
    "tracking.*": "where a run is mirrored",
    "cost.*": "what an hour costs",
    "ui.*": "where the page for the team is",
    "data.keep": "whether a run's data are kept, not which they are",
    "serving.*": "how versions are served once they are made",
    "delivery.*": "how versions get traffic once they are made",
    "pipeline.cache": "a node that is taken from the cache has the outputs that it would make",
    "registry.kind": "where the registry is",
    "registry.path": "where the registry is",
    "registry.host": "where the registry is",
    "registry.port": "where the registry is",
    "registry.database": "where the registry is",
    "registry.user": "who asks the registry",
    "registry.password_env": "who asks the registry",
    "registry.lease_seconds": "how long deployers hold what they took",
    "registry.store": "where models wait for approval",
    "registry.guards": "it follows from push.destination",
    "registry.signing.*": "who signs what is made",
}
"""Keys, as patterns, that change nothing of what a run computes, and why."""
HasContent = Callable[[RunRecord], bool]
SAID_BY_CONTENT: Final[Mapping[str, HasContent]] = {
    "data.root": lambda record: bool(record.data.files),
    "data.export.*": lambda record: bool(record.data.files),
    "data.schema_file": lambda record: bool(record.data.schema_sha256),
    "model.code_digest": lambda record: bool(record.code.files),
}
"""Keys that say where content is, or which; where the content is on record, that is compared."""
ROOT: Final = "<output.root>"
"""What stands for a run's own `output.root` in paths that follow from it."""


def config_differences(records: Sequence[RunRecord]) -> list[Difference]:
    """Keys whose values are not the same in all runs, in the order of the first run's config."""
    configs = [_comparable(record) for record in records]
    keys = dict.fromkeys(key for config in configs for key in config)
    found = []
    for key in keys:
        values = tuple(_text(config[key]) if key in config else None for config in configs)
        if len(set(values)) > 1 and not _left_out(key, records):
            found.append(Difference("config", key, values))
    return found


def _left_out(key: str, records: Sequence[RunRecord]) -> bool:
    if any(fnmatchcase(key, pattern) for pattern in CANNOT_MATTER):
        return True
    return any(
        fnmatchcase(key, pattern) and all(map(has_content, records))
        for pattern, has_content in SAID_BY_CONTENT.items()
    )


def _comparable(record: RunRecord) -> dict[str, JsonValue]:
    """A run's config, its own root replaced in paths."""
    root = str(record.config.get("output.root") or "")
    if not root:
        return dict(record.config)
    return {key: _without_root(value, root) for key, value in record.config.items()}


def _without_root(value: JsonValue, root: str) -> JsonValue:
    if isinstance(value, list):
        return [_without_root(one, root) for one in value]
    if not isinstance(value, str):
        return value
    try:
        return str(ROOT / PurePath(value).relative_to(root)) if value else value
    except ValueError:
        return value


def _text(value: JsonValue) -> str:
    """As YAML would have it on one line."""
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
