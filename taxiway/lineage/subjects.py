"""What can be asked about: `span:3`, `commit:5be2f1c`, and so on, to the artifacts it stands for.

A new kind of subject is a function here and a line in KINDS.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from taxiway.errors import ConfigError, did_you_mean
from taxiway.lineage.graph import MADE, Graph
from taxiway.metadata.records import ArtifactRecord
from taxiway.process.provenance import GIT_COMMIT

EXIT_SUFFIX: Final = "-exit"
"""Of the run of the exit pipeline."""
_SPANS: Final = re.compile(r"spans:(\d+)(?:-(\d+))?,")
_DIGEST: Final = re.compile(r"[0-9a-f]{4,64}")
_SHOWN: Final = 8


@dataclass(frozen=True)
class Kind:
    """A kind of subject."""

    find: Callable[[Graph, str], list[int]]
    """The artifacts that a value stands for; none where nothing has it."""
    known: Callable[[Graph], Iterable[str]]
    """The values that there are, newest first."""
    example: str
    backwards: bool
    forwards: bool = True


def find_artifacts(graph: Graph, kind: str, value: str) -> list[int]:
    """The artifacts that a subject of KINDS stands for, oldest first.

    Raises:
      ConfigError: no artifact has this value, with those that there are.
    """
    found = KINDS[kind].find(graph, value)
    if found:
        return sorted(set(found))
    known = list(dict.fromkeys(KINDS[kind].known(graph)))
    if not known:
        raise ConfigError(
            f"ML Metadata has nothing that a {kind} could be looked for in",
            edit="metadata, if this is the wrong store; a run fills it",
        )
    if any(one.startswith(value) for one in known if value):
        raise ConfigError(
            f"{kind} '{value}' has made nothing: it failed, or all was in the cache",
            edit=f"SUBJECT, such as {KINDS[kind].example}",
        )
    listed = ", ".join([*known[:_SHOWN], *["..."] * (len(known) > _SHOWN)])
    raise ConfigError(
        f"there is no {kind} '{value}'{did_you_mean(value, known)} (there is, newest first: "
        f"{listed})",
        edit=f"SUBJECT, such as {KINDS[kind].example}",
    )


def spans_of(examples: ArtifactRecord) -> range:
    """The spans that examples are made of; none where that is not on record."""
    window = _SPANS.match(str(examples.properties.get("input_fingerprint", "")))
    if window:
        return range(int(window[1]), int(window[2] or window[1]) + 1)
    newest = str(examples.properties.get("span", ""))
    return range(int(newest), int(newest) + 1) if newest.isdecimal() else range(0)


def _of_type(graph: Graph, name: str) -> list[ArtifactRecord]:
    found = [one for one in graph.content.artifacts.values() if one.type == name]
    return sorted(found, key=lambda one: -one.id)


def _with_span(graph: Graph, value: str) -> list[int]:
    if not value.isdecimal():
        return []
    return [one.id for one in _of_type(graph, "Examples") if int(value) in spans_of(one)]


def _known_spans(graph: Graph) -> list[str]:
    spans = {span for one in _of_type(graph, "Examples") for span in spans_of(one)}
    return [str(span) for span in sorted(spans, reverse=True)]


def _with_digest(graph: Graph, type_name: str, name: str, value: str) -> list[int]:
    if not _DIGEST.fullmatch(value.lower()):
        return []
    return [
        one.id
        for one in _of_type(graph, type_name)
        if str(one.properties.get(name, "")).startswith(value.lower())
    ]


def _schema(graph: Graph, value: str) -> list[int]:
    """By digest, by the file that was imported, or by the artifact's own place."""
    path = Path(value)
    if path.is_file():
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        return _with_digest(graph, "Schema", "sha256", content)
    place = value.rstrip("/")
    at = [one.id for one in _of_type(graph, "Schema") if one.uri.rstrip("/") == place]
    return at or _with_digest(graph, "Schema", "sha256", value)


def _digests(type_name: str, name: str) -> Callable[[Graph], list[str]]:
    def known(graph: Graph) -> list[str]:
        found = (str(one.properties.get(name, "")) for one in _of_type(graph, type_name))
        return [digest[:12] for digest in found if digest]

    return known


def _commits(graph: Graph) -> dict[str, str]:
    """The commit of each run that has one, newest first."""
    runs = sorted(graph.content.runs.values(), key=lambda one: (-one.started_ms, one.run_id))
    found = {one.run_id: str(one.properties.get(GIT_COMMIT, "")) for one in runs}
    return {run: commit for run, commit in found.items() if commit}


def _of_commit(graph: Graph, value: str) -> list[int]:
    """What runs of a commit have made; what they took from the cache is of an earlier one."""
    if not _DIGEST.fullmatch(value.lower()):
        return []
    runs = {run for run, commit in _commits(graph).items() if commit.startswith(value.lower())}
    runs |= {f"{run}{EXIT_SUFFIX}" for run in runs}
    return _put_out(graph, runs, (MADE,))


def _of_run(graph: Graph, value: str) -> list[int]:
    return _put_out(graph, {value, f"{value}{EXIT_SUFFIX}"}, (MADE, "CACHED"))


def _put_out(graph: Graph, runs: Iterable[str], states: Sequence[str]) -> list[int]:
    wanted = set(runs)
    return [
        event.artifact_id
        for execution, events in graph.outputs.items()
        if graph.content.executions[execution].run_id in wanted
        and graph.content.executions[execution].state in states
        for event in events
    ]


def _known_runs(graph: Graph) -> list[str]:
    runs = sorted(graph.content.runs.values(), key=lambda one: (-one.started_ms, one.run_id))
    return [one.run_id for one in runs if not one.run_id.endswith(EXIT_SUFFIX)]


def _artifact(graph: Graph, value: str) -> list[int]:
    is_known = value.isdecimal() and int(value) in graph.content.artifacts
    return [int(value)] if is_known else []


KINDS: Final[Mapping[str, Kind]] = {
    "span": Kind(_with_span, _known_spans, "span:3", backwards=False),
    "schema": Kind(
        _schema,
        _digests("Schema", "sha256"),
        "schema:a7a94f4b or schema:models/flights/schema.pbtxt",
        backwards=False,
    ),
    "examples": Kind(
        lambda graph, value: _with_digest(graph, "Examples", "digest", value),
        _digests("Examples", "digest"),
        "examples:ccbf34ef",
        backwards=False,
    ),
    "commit": Kind(
        _of_commit,
        lambda graph: [commit[:12] for commit in _commits(graph).values()],
        "commit:5be2f1c",
        backwards=False,
    ),
    "run": Kind(_of_run, _known_runs, "run:20260301-120000-a1b2", backwards=True),
    "artifact": Kind(
        _artifact,
        lambda graph: [str(one) for one in sorted(graph.content.artifacts, reverse=True)],
        "artifact:27",
        backwards=True,
    ),
}
"""By the word before the colon; a subject without one is a version."""
