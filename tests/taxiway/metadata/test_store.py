"""ML Metadata, on a real store: what a run left is read back, and what it left open is closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import struct_pb2
from ml_metadata import MetadataStore, errors, proto

from taxiway.metadata.connection import SqliteMetadata
from taxiway.metadata.records import ErrorKind, NodeRecord, Outcome, run_outcome
from taxiway.metadata.store import RunStore, run_store

State = proto.Execution
RUN = "20260102-030405-abcd"


class Recorder:
    """Writes into a store as TFX does: one context per run and one per node."""

    def __init__(self, path: Path) -> None:
        self.runs = RunStore(SqliteMetadata(kind="sqlite", path=str(path)))
        self.store: MetadataStore = self.runs.mlmd
        self._types: dict[str, int] = {}
        self.run(RUN)

    def run(self, run_id: str) -> int:
        return self._context("pipeline_run", run_id)

    def execution(
        self, node: str, state: Any, run_id: str = RUN, **properties: str
    ) -> proto.Execution:
        kind = self.store.put_execution_type(proto.ExecutionType(name=f"my.{node}"))
        execution = proto.Execution(type_id=kind, last_known_state=state)
        for key, value in properties.items():
            execution.custom_properties[key].string_value = value
        (execution.id,) = self.store.put_executions([execution])
        contexts = [self.run(run_id), self._context("node", f"parcels.{node}")]
        self.store.put_attributions_and_associations(
            [],
            [proto.Association(execution_id=execution.id, context_id=c) for c in contexts],
        )
        return execution

    def artifact(self, execution: proto.Execution, kind: str, *steps: str, **values: Any) -> int:
        type_id = self.store.put_artifact_type(proto.ArtifactType(name=kind))
        artifact = proto.Artifact(type_id=type_id, uri=f"/somewhere/{kind}")
        for key, value in values.items():
            field = {int: "int_value", float: "double_value", str: "string_value"}.get(type(value))
            if field is None:
                artifact.custom_properties[key].struct_value.CopyFrom(value)
            else:
                setattr(artifact.custom_properties[key], field, value)
        (artifact.id,) = self.store.put_artifacts([artifact])
        event = proto.Event(
            artifact_id=artifact.id, execution_id=execution.id, type=proto.Event.OUTPUT
        )
        for index, step in enumerate(steps):
            event.path.steps.add(key=step)
            event.path.steps.add(index=index)
        self.store.put_events([event])
        return int(artifact.id)

    def _context(self, kind: str, name: str) -> int:
        found = self.store.get_context_by_type_and_name(kind, name)
        if found is not None:
            return int(found.id)
        type_id = self.store.put_context_type(proto.ContextType(name=kind))
        return int(self.store.put_contexts([proto.Context(type_id=type_id, name=name)])[0])


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path / "metadata.sqlite")


def states(recorder: Recorder, run_id: str = RUN) -> dict[str, str]:
    return {record.node_id: record.state for record in recorder.runs.nodes(run_id)}


class TestConnection:
    def test_naming_the_store_makes_nothing(self, tmp_path: Path) -> None:
        run_store(SqliteMetadata(kind="sqlite", path=str(tmp_path / "deep" / "metadata.sqlite")))
        assert list(tmp_path.iterdir()) == []

    def test_asking_the_store_makes_its_folder_and_file(self, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "metadata.sqlite"
        assert run_store(SqliteMetadata(kind="sqlite", path=str(path))).nodes("never") == []
        assert path.is_file()

    def test_a_process_opens_a_store_once(self, tmp_path: Path) -> None:
        path = str(tmp_path / "metadata.sqlite")
        first = run_store(SqliteMetadata(kind="sqlite", path=path))
        assert run_store(SqliteMetadata(kind="sqlite", path=path)) is first
        assert first.mlmd is first.mlmd

    def test_a_connection_that_broke_is_made_anew(self, recorder: Recorder) -> None:
        recorder.execution("Trainer", State.COMPLETE)

        class Gone:
            def get_context_by_type_and_name(self, *_: str) -> None:
                raise errors.UnavailableError("the server has gone away")

        recorder.runs.__dict__["mlmd"] = Gone()
        assert [record.node_id for record in recorder.runs.nodes(RUN)] == ["Trainer"]


class TestRunNodes:
    def test_a_run_no_one_knows_has_no_nodes(self, recorder: Recorder) -> None:
        assert recorder.runs.nodes("never") == []
        assert recorder.runs.properties("never") == {}
        assert recorder.runs.node("never", "Trainer") is None

    def test_nodes_come_oldest_first_with_their_states(self, recorder: Recorder) -> None:
        recorder.execution("Trainer", State.COMPLETE)
        recorder.execution("ArrowExampleGen", State.CACHED)
        recorder.execution("Evaluator", State.RUNNING)
        recorder.execution("Elsewhere", State.COMPLETE, run_id="another run")
        assert list(states(recorder).items()) == [
            ("Trainer", "COMPLETE"),
            ("ArrowExampleGen", "CACHED"),
            ("Evaluator", "RUNNING"),
        ]

    def test_a_node_that_ran_twice_is_known_by_its_newest_execution(
        self, recorder: Recorder
    ) -> None:
        recorder.execution("Trainer", State.FAILED)
        second = recorder.execution("Trainer", State.COMPLETE)
        record = recorder.runs.node(RUN, "Trainer")
        assert record is not None
        assert (record.execution_id, record.state) == (second.id, "COMPLETE")

    def test_a_node_that_was_skipped_has_no_record(self, recorder: Recorder) -> None:
        recorder.execution("Trainer", State.COMPLETE)
        assert recorder.runs.node(RUN, "Pusher") is None

    def test_an_execution_without_a_node_goes_by_its_type(self, recorder: Recorder) -> None:
        kind = recorder.store.put_execution_type(proto.ExecutionType(name="my.Type"))
        (number,) = recorder.store.put_executions([proto.Execution(type_id=kind)])
        association = proto.Association(execution_id=number, context_id=recorder.run(RUN))
        recorder.store.put_attributions_and_associations([], [association])
        assert [record.node_id for record in recorder.runs.nodes(RUN)] == ["my.Type"]

    def test_seconds_are_from_start_to_last_change(self, recorder: Recorder) -> None:
        execution = recorder.execution("Trainer", State.RUNNING)
        (stored,) = recorder.store.get_executions_by_id([execution.id])
        record = recorder.runs.node(RUN, "Trainer")
        took = stored.last_update_time_since_epoch - stored.create_time_since_epoch
        assert record is not None
        assert record.seconds == took / 1000.0

    def test_outputs_come_by_key_with_their_properties(self, recorder: Recorder) -> None:
        execution = recorder.execution("Evaluator", State.COMPLETE, container_engine="host")
        value = struct_pb2.Struct()
        value.update({"train": True})
        number = recorder.artifact(
            execution, "ModelBlessing", "blessing", blessed=1, auc=0.75, why="good", splits=value
        )
        recorder.artifact(execution, "Examples", "examples")
        recorder.artifact(execution, "Examples", "examples")
        recorder.artifact(execution, "Model")
        record = recorder.runs.node(RUN, "Evaluator")
        assert record is not None
        assert record.properties == {"container_engine": "host"}
        assert {key: len(found) for key, found in record.outputs.items()} == {
            "blessing": 1,
            "examples": 2,
            "output": 1,
        }
        blessing = record.output("blessing")
        assert blessing is not None
        assert (blessing.id, blessing.type) == (number, "ModelBlessing")
        assert blessing.uri == "/somewhere/ModelBlessing"
        assert blessing.properties == {
            "blessed": 1,
            "auc": 0.75,
            "why": "good",
            "splits": {"train": True},
        }
        assert record.output("nothing") is None

    def test_a_value_that_is_not_set_is_left_out(self, recorder: Recorder) -> None:
        execution = recorder.execution("Trainer", State.COMPLETE)
        recorder.artifact(execution, "Model", "model", empty=struct_pb2.Struct(), name="x")
        record = recorder.runs.node(RUN, "Trainer")
        assert record is not None
        model = record.output("model")
        assert model is not None
        assert model.properties == {"empty": {}, "name": "x"}


class TestCloseExecutions:
    @pytest.mark.parametrize(
        ("kind", "state"),
        [
            (ErrorKind.FAILED, "FAILED"),
            (ErrorKind.STOPPED, "FAILED"),
            (ErrorKind.INTERRUPTED, "CANCELED"),
        ],
    )
    @pytest.mark.parametrize("before", [State.NEW, State.RUNNING], ids=["new", "running"])
    def test_an_open_execution_ends_with_its_reason(
        self, recorder: Recorder, kind: ErrorKind, state: str, before: Any
    ) -> None:
        recorder.execution("Trainer", before)
        recorder.runs.close(RUN, "Trainer", "it broke", kind)
        record = recorder.runs.node(RUN, "Trainer")
        assert record is not None
        assert (record.state, record.error, record.error_kind) == (state, "it broke", kind)

    def test_what_the_launcher_closed_itself_gets_its_reason(self, recorder: Recorder) -> None:
        recorder.execution("Trainer", State.FAILED)
        recorder.runs.close(RUN, "Trainer", "it broke", ErrorKind.STOPPED)
        record = recorder.runs.node(RUN, "Trainer")
        assert record is not None
        assert (record.state, record.error_kind) == ("FAILED", ErrorKind.STOPPED)

    @pytest.mark.parametrize("done", [State.COMPLETE, State.CACHED], ids=["complete", "cached"])
    def test_what_is_done_stays_as_it_is(self, recorder: Recorder, done: Any) -> None:
        execution = recorder.execution("Trainer", done)
        (before,) = recorder.store.get_executions_by_id([execution.id])
        recorder.runs.close(RUN, "Trainer", "it broke", ErrorKind.FAILED)
        assert list(recorder.store.get_executions_by_id([execution.id])) == [before]

    def test_other_nodes_and_other_runs_stay_open(self, recorder: Recorder) -> None:
        recorder.execution("Trainer", State.RUNNING)
        recorder.execution("Transform", State.RUNNING)
        recorder.execution("Trainer", State.RUNNING, run_id="another run")
        recorder.runs.close(RUN, "Trainer", "it broke", ErrorKind.FAILED)
        assert states(recorder) == {"Trainer": "FAILED", "Transform": "RUNNING"}
        assert states(recorder, "another run") == {"Trainer": "RUNNING"}

    def test_a_run_no_one_knows_is_no_error(self, recorder: Recorder) -> None:
        recorder.runs.close("never", "Trainer", "it broke", ErrorKind.FAILED)
        assert states(recorder) == {}


class TestRunProperties:
    def test_they_are_read_as_they_were_written(self, recorder: Recorder) -> None:
        recorder.runs.write_properties(RUN, {"config": "a: 1\n", "command": "taxiway run"})
        recorder.runs.write_properties(RUN, {"command": "taxiway run again"})
        assert recorder.runs.properties(RUN) == {
            "config": "a: 1\n",
            "command": "taxiway run again",
        }

    def test_a_run_no_one_knows_takes_none(self, recorder: Recorder) -> None:
        with pytest.raises(KeyError, match="never"):
            recorder.runs.write_properties("never", {"config": ""})


def node(state: str, kind: ErrorKind | None = None) -> NodeRecord:
    return NodeRecord("Trainer", 1, state, 0.0, {}, error_kind=kind)


@pytest.mark.parametrize(
    ("nodes", "outcome"),
    [
        ([], Outcome.FAILED),
        ([node("COMPLETE"), node("CACHED")], Outcome.SUCCEEDED),
        ([node("COMPLETE"), node("FAILED")], Outcome.FAILED),
        ([node("COMPLETE"), node("RUNNING")], Outcome.FAILED),
        ([node("FAILED", ErrorKind.FAILED)], Outcome.FAILED),
        ([node("COMPLETE"), node("FAILED", ErrorKind.STOPPED)], Outcome.STOPPED),
        ([node("CANCELED", ErrorKind.INTERRUPTED)], Outcome.INTERRUPTED),
    ],
    ids=["none", "done", "failed unsaid", "killed", "failed", "stopped", "interrupted"],
)
def test_a_run_ended_as_its_nodes_did(nodes: list[NodeRecord], outcome: Outcome) -> None:
    assert run_outcome(nodes) is outcome
