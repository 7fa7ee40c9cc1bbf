"""Everything that ML Metadata holds, read at once, on each kind of store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ml_metadata import MetadataStore, proto
from ml_metadata.proto import metadata_store_pb2

from taxiway.config.loader import load_config
from taxiway.metadata.connection import PASSWORD_ENV, Metadata, SqliteMetadata
from taxiway.metadata.content import read_content
from taxiway.metadata.records import EventRecord, StoreContent
from taxiway.metadata.store import RunStore
from tests.conftest import TINY
from tests.databases import PASSWORD, Server

EXECUTIONS = 130
"""More than a hundred, from which MLMD lets a search start."""
Event = proto.Event


def fill(store: MetadataStore) -> None:
    """Two runs of a node; each execution takes what the one before it has put out."""
    kinds = {
        name: store.put_context_type(proto.ContextType(name=name))
        for name in ("pipeline_run", "node", "execution_cache")
    }
    names = {"pipeline_run": ("first", "second"), "node": ("p.Trainer",), "execution_cache": ("x",)}
    contexts = {
        name: store.put_contexts([proto.Context(type_id=kinds[kind], name=name)])[0]
        for kind, some in names.items()
        for name in some
    }
    execution_type = store.put_execution_type(proto.ExecutionType(name="tfx.Trainer"))
    artifact_type = store.put_artifact_type(
        proto.ArtifactType(name="Model", properties={"span": metadata_store_pb2.INT})
    )
    executions = store.put_executions(
        [
            proto.Execution(type_id=execution_type, last_known_state=proto.Execution.COMPLETE)
            for _ in range(EXECUTIONS)
        ]
    )
    artifacts = [
        proto.Artifact(type_id=artifact_type, uri=f"/a/{number}", state=proto.Artifact.LIVE)
        for number in range(EXECUTIONS)
    ]
    artifacts[0].properties["span"].int_value = 3
    made = store.put_artifacts(artifacts)
    outputs = zip(executions, made, strict=True)
    inputs = zip(executions[1:], made[:-1], strict=True)
    store.put_events(
        [
            *(_event(*one, Event.OUTPUT, "model") for one in outputs),
            *(_event(*one, Event.INPUT, "model", "baseline_model") for one in inputs),
            _event(executions[-1], made[0], Event.INTERNAL_OUTPUT, "found"),
        ]
    )
    places = [
        (one, contexts["first" if index < 100 else "second"])
        for index, one in enumerate(executions)
    ]
    places += [(one, contexts[name]) for one in executions for name in ("p.Trainer", "x")]
    store.put_attributions_and_associations(
        [], [proto.Association(execution_id=one, context_id=context) for one, context in places]
    )


def _event(execution: int, artifact: int, kind: Any, *keys: str) -> proto.Event:
    event = proto.Event(execution_id=execution, artifact_id=artifact, type=kind)
    for index, key in enumerate(keys):
        event.path.steps.add(key=key)
        event.path.steps.add(index=index)
    return event


@pytest.fixture(params=["sqlite", "mariadb", "postgresql"])
def metadata(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Metadata:
    if request.param == "sqlite":
        return SqliteMetadata(kind="sqlite", path=str(tmp_path / "metadata.sqlite"))
    monkeypatch.setenv(PASSWORD_ENV, PASSWORD)
    server: Server = request.getfixturevalue(request.param)
    return load_config([TINY], server.settings()).metadata


class Counting:
    """Passes on to a store, and counts."""

    def __init__(self, store: MetadataStore) -> None:
        self.store = store
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self.store, name)


def test_all_is_read_in_a_few_calls(metadata: Metadata) -> None:
    runs = RunStore(metadata)
    fill(runs.mlmd)
    counting = Counting(runs.mlmd)
    runs.__dict__["mlmd"] = counting
    content = read_content(runs)
    assert len(counting.calls) == 5 + 2 + 1  # two runs and a node
    first, *_, last = content.executions.values()
    assert (first.run_id, first.node_id, first.state) == ("first", "Trainer", "COMPLETE")
    assert (last.run_id, last.node_id, len(content.executions)) == ("second", "Trainer", EXECUTIONS)
    assert content.artifacts[1].properties == {"span": 3}
    assert [content.artifacts[2].uri, content.artifacts[2].live] == ["/a/1", True]
    assert [*content.runs] == ["first", "second"]
    assert content.events[:3] == [
        EventRecord(first.id, 1, False, ("model",)),
        EventRecord(first.id + 1, 1, True, ("baseline_model", "model")),
        EventRecord(first.id + 1, 2, False, ("model",)),
    ]


def test_what_a_resolver_found_is_no_output_of_it(tmp_path: Path) -> None:
    runs = RunStore(SqliteMetadata(kind="sqlite", path=str(tmp_path / "metadata.sqlite")))
    fill(runs.mlmd)
    assert len(read_content(runs).events) == 2 * EXECUTIONS - 1


def test_an_empty_store_has_nothing(tmp_path: Path) -> None:
    runs = RunStore(SqliteMetadata(kind="sqlite", path=str(tmp_path / "metadata.sqlite")))
    assert read_content(runs) == StoreContent({}, {}, [], {})


def test_a_components_own_name_of_an_input_is_before_its_conditions(tmp_path: Path) -> None:
    """TFX writes both into one event, in any order."""
    runs = RunStore(SqliteMetadata(kind="sqlite", path=str(tmp_path / "metadata.sqlite")))
    fill(runs.mlmd)
    names = ("_Evaluator.blessing", "blessing")
    artifacts = [one.id for one in runs.mlmd.get_artifacts()[:2]]
    execution = runs.mlmd.get_executions()[0].id
    events = [
        _event(execution, artifact, Event.DECLARED_INPUT, *keys)
        for artifact, keys in zip(artifacts, (names, names[::-1]), strict=True)
    ]
    runs.mlmd.put_events(events)
    told = [one.keys for one in read_content(runs).events if "blessing" in one.keys]
    assert told == [("blessing", "_Evaluator.blessing")] * 2
