"""Artifacts, runs and versions of a lineage in a few words each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, Final

from taxiway.lineage.registered import RegisteredVersion
from taxiway.lineage.subjects import spans_of
from taxiway.metadata.describe import describe_artifact
from taxiway.metadata.records import ArtifactRecord, RunRecord
from taxiway.process.provenance import (
    GIT_COMMIT,
    GIT_DIRTY,
    IMAGES,
    LOCK_DIGEST,
    PROPERTIES,
    VERSIONS,
)

DIGITS: Final = 12
"""Of a digest, where people read it."""
COMMAND: Final = "command"
_DIGESTS: Final = ("digest", "sha256")
"""Properties that hold one."""
_IMAGE: Final = "container_image"


def short(artifact: ArtifactRecord, root: str) -> str:
    """Such as `spans 1-3, 1,200 train + 600 eval rows, digest ccbf34efaa6c`.

    Args:
      artifact: any.
      root: output.root, which is left out of places.
    """
    special = SPECIAL.get(artifact.type)
    named = describe_artifact(artifact)
    is_name = named.replace(" ", "") == artifact.type.lower() or named == "statistics"
    parts = [special(artifact) if special else "", "" if is_name else below(named, root)]
    parts.append(_digest(artifact.properties))
    return ", ".join(part for part in (*parts, "" if artifact.live else "deleted") if part)


def below(place: str, root: str) -> str:
    """A place without the way to output.root."""
    return place.removeprefix(f"{root.rstrip('/')}/") if root else place


def plain_run(run: RunRecord) -> dict[str, Any]:
    """A run as plain values, without its config: what it was started with and came from."""
    kept = {key: run.properties[key] for key in (COMMAND, *PROPERTIES) if key in run.properties}
    return {"run_id": run.run_id, "started": _time(run.started_ms), **_parsed(kept)}


def about_run(run: RunRecord) -> str:
    """Such as `2026-03-01 12:00, commit 5be2f1c01234, lock d4a1a0339909, Python 3.10.13, ...`."""
    found = plain_run(run)
    parts = [found["started"][:16].replace("T", " ")]
    commit = found.get(GIT_COMMIT, "")
    edited = {True: " with changes", None: ", changes unknown"}.get(found.get(GIT_DIRTY), "")
    parts.append(f"commit {commit[:DIGITS]}{edited}" if commit else "no commit on record")
    if LOCK_DIGEST in found:
        parts.append(f"lock {found[LOCK_DIGEST][:DIGITS]}")
    shown = {"Python": "Python", "taxiway": "Taxiway", "tfx": "TFX", "tensorflow": "TensorFlow"}
    versions = found.get(VERSIONS, {})
    parts += [f"{label} {versions[name]}" for name, label in shown.items() if name in versions]
    images = found.get(IMAGES, {})
    parts += [f"{name} {image}" for name, image in images.items()]
    return ", ".join(parts)


def about_container(properties: Mapping[str, Any]) -> str:
    """What ran a container component; empty for other components."""
    if "container_engine" not in properties:
        return ""
    if properties["container_engine"] == "host":
        return "no container, a process of the host"
    return f"image {properties.get(_IMAGE) or 'not on record'}"


def about_version(version: RegisteredVersion) -> str:
    """Such as `approved, @champion`."""
    several = len(version.states) > 1 or any(one for one, _ in version.states)
    parts = [
        f"{state} in {environment or 'the default environment'}" if several else state
        for environment, state in version.states
    ]
    parts += ["archived"] * version.archived
    parts += [f"@{alias}" for alias in version.aliases]
    return ", ".join(parts)


def deployments_of(version: RegisteredVersion) -> list[str]:
    """A line for each time it served, and one for each time that it is still to."""
    served = [
        f"served {_minute(one.since)} to {_minute(one.until) or 'now'}"
        f"{f' in {one.environment}' * bool(one.environment)}, {one.place}"
        for one in version.served
    ]
    queued = [f"waits to be deployed{f' in {one}' * bool(one)}" for one in version.queued]
    return [*served, *queued]


def _examples(artifact: ArtifactRecord) -> str:
    spans = spans_of(artifact)
    if not spans:
        return ""
    several = len(spans) > 1
    return f"spans {spans[0]}-{spans[-1]}" if several else f"span {spans[0]}"


SPECIAL: Final[Mapping[str, Callable[[ArtifactRecord], str]]] = {"Examples": _examples}
"""What only lineage says of a type, before what is said of it everywhere."""


def _digest(properties: Mapping[str, Any]) -> str:
    name = next((one for one in _DIGESTS if properties.get(one)), "")
    return f"{name} {str(properties[name])[:DIGITS]}" if name else ""


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _minute(text: str) -> str:
    """Of the registry's times."""
    return text[:16].replace("T", " ")


def _parsed(kept: Mapping[str, Any]) -> dict[str, Any]:
    """With the JSON that some of a run's properties are, as values."""
    found = {}
    for key, value in kept.items():
        try:
            found[key] = json.loads(value) if key in (GIT_DIRTY, VERSIONS, IMAGES) else value
        except ValueError:
            found[key] = value
    return found
