"""What else a run was made from: the spec's features, data, and what was installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from taxiway.tracking.compare.differences import Difference, Section
from taxiway.tracking.run_record.record import RunRecord

_DIGEST: Final = 12
"""Characters of a sha256 that are shown."""


def feature_differences(records: Sequence[RunRecord]) -> list[Difference]:
    """Columns that the model's spec takes in another way, or only in some of the runs."""
    return mapped("features", [record.features for record in records])


def data_differences(records: Sequence[RunRecord]) -> list[Difference]:
    """The range of spans, the schema, and input files by their content, wherever they are."""
    schemas = [_named("schema", short(record.data.schema_sha256)) for record in records]
    spans = [_named("spans", record.data.spans) for record in records]
    files = [{one.path: _file(one.sha256) for one in record.data.files} for record in records]
    return [part for maps in (spans, schemas, files) for part in mapped("data", maps)]


def package_differences(records: Sequence[RunRecord]) -> list[Difference]:
    """Packages that were installed in another release, or only for some of the runs.

    The lock's digest counts where the releases are not on record: what is in the lock and was not
    installed changes nothing.
    """
    if all(record.packages.releases for record in records):
        return mapped("lock", [record.packages.releases for record in records])
    locks = [_named("requirements.lock", short(record.packages.lock)) for record in records]
    return mapped("lock", locks)


def mapped(section: Section, maps: Sequence[Mapping[str, str]]) -> list[Difference]:
    """Names whose texts are not the same in all maps, sorted."""
    names = sorted({name for one in maps for name in one})
    rows = ((name, tuple(one.get(name) for one in maps)) for name in names)
    return [Difference(section, name, values) for name, values in rows if len(set(values)) > 1]


def short(sha256: str) -> str:
    """The first characters of a digest."""
    return sha256[:_DIGEST]


def _named(name: str, value: str) -> dict[str, str]:
    return {name: value} if value else {}


def _file(sha256: str) -> str:
    return f"sha256 {short(sha256)}"
