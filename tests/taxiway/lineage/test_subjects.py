"""What can be asked about, and what is told where there is no such thing."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest

from taxiway.errors import ConfigError
from taxiway.lineage.graph import Graph
from taxiway.lineage.subjects import KINDS, find_artifacts
from taxiway.metadata.records import RunRecord
from taxiway.process.provenance import GIT_COMMIT
from tests.taxiway.lineage.stores import content_of

SCHEMA = b"feature { name: 'x' }"
SHA256 = hashlib.sha256(SCHEMA).hexdigest()
COMMITS = {"first": "abc123" + "0" * 34, "second": "def456" + "0" * 34}


@pytest.fixture
def graph() -> Graph:
    steps = [
        ("first", [], [1]),
        ("first", [], [2]),
        ("first", [1, 2], [3]),
        ("second", [], [4]),
        ("second", [4, 2], [5]),
        ("second", [], [1]),
    ]
    types = {1: "Examples", 2: "Schema", 3: "Model", 4: "Examples", 5: "Model"}
    properties = {
        1: {"input_fingerprint": "spans:9-12,num_files:4", "span": 12, "digest": "ccbf34ef" * 2},
        2: {"sha256": SHA256},
        4: {"span": "13", "digest": "0123abcd" * 2},
    }
    content = content_of(steps, types, properties)
    cached = dataclasses.replace(content.executions[6], state="CACHED")
    runs = {
        name: RunRecord(name, index, {GIT_COMMIT: commit})
        for index, (name, commit) in enumerate(COMMITS.items())
    }
    executions = {**content.executions, 6: cached}
    return Graph(dataclasses.replace(content, executions=executions, runs=runs))


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("span", "9", [1]),
        ("span", "12", [1]),
        ("span", "13", [4]),
        ("schema", SHA256[:8].upper(), [2]),
        ("schema", "/var/pipelines/p/2/", [2]),
        ("examples", "0123a", [4]),
        ("artifact", "5", [5]),
        ("commit", "abc123", [1, 2, 3]),
        ("run", "second", [1, 4, 5]),
    ],
)
def test_a_subject_stands_for_artifacts(
    graph: Graph, kind: str, value: str, expected: list[int]
) -> None:
    assert find_artifacts(graph, kind, value) == expected


def test_a_commit_has_not_made_what_its_run_took_from_the_cache(graph: Graph) -> None:
    assert find_artifacts(graph, "commit", "def456") == [4, 5]


def test_a_schema_is_known_by_the_file_that_was_imported(graph: Graph, tmp_path: Path) -> None:
    file = tmp_path / "schema.pbtxt"
    file.write_bytes(SCHEMA)
    assert find_artifacts(graph, "schema", str(file)) == [2]
    file.write_bytes(SCHEMA + b"\n")
    with pytest.raises(ConfigError, match="there is no schema"):
        find_artifacts(graph, "schema", str(file))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_there_is_told_with_what_is(graph: Graph, kind: str) -> None:
    known = next(iter(KINDS[kind].known(graph)))
    with pytest.raises(ConfigError, match=f"there is no {kind} 'nothing'.*{known}"):
        find_artifacts(graph, kind, "nothing")


def test_a_near_one_is_suggested(graph: Graph) -> None:
    with pytest.raises(ConfigError, match="did you mean 'second'"):
        find_artifacts(graph, "run", "secnd")


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_store_is_told_as_such(kind: str) -> None:
    with pytest.raises(ConfigError, match="ML Metadata has nothing"):
        find_artifacts(Graph(content_of([])), kind, "3")


def test_a_run_that_has_made_nothing_is_told_from_one_that_is_not_there(graph: Graph) -> None:
    runs = {**graph.content.runs, "third": RunRecord("third", 9)}
    failed = Graph(dataclasses.replace(graph.content, runs=runs))
    with pytest.raises(ConfigError, match="run 'third' has made nothing"):
        find_artifacts(failed, "run", "third")
