"""Whole runs: what is read of all of them at once is what is read of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from taxiway.metadata.whole_runs import AT_ONCE, whole_run, whole_runs
from tests.taxiway.metadata.test_store import RUN, Recorder, State


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Recorder:
    """Runs of more nodes than one question takes, some shared, one twice, one without a context."""
    made = Recorder(tmp_path_factory.mktemp("runs") / "metadata.sqlite")
    for number in range(AT_ONCE // 4):
        run_id = f"run-{number}"
        examples = made.execution("ArrowExampleGen", State.CACHED, run_id)
        made.artifact(examples, "Examples", "examples", span=number)
        for node in ("Transform", "Trainer", "Trainer", "Evaluator"):
            made.execution(node, State.COMPLETE, run_id)
        made.execution("Notify", State.COMPLETE, f"{run_id}-exit")
    made.runs.write_properties("run-3", {"command": "taxiway run", "config": "pipeline: {}"})
    return made


def test_all_at_once_are_each(recorder: Recorder) -> None:
    found = whole_runs(recorder.runs)
    assert len(found) == AT_ONCE // 4 + 1
    assert {one.run_id for one in found} >= {RUN, "run-0"}
    for one in found:
        assert one == whole_run(recorder.runs, one.run_id)
        assert one.nodes == recorder.runs.nodes(one.run_id)
        assert one.properties == recorder.runs.properties(one.run_id)


def test_a_run_lasts_from_its_start_to_the_last_that_was_written_of_its_nodes(
    recorder: Recorder,
) -> None:
    whole = whole_run(recorder.runs, "run-7")
    assert whole is not None
    context = recorder.store.get_context_by_type_and_name("pipeline_run", "run-7")
    executions = recorder.store.get_executions_by_context(context.id)
    assert whole.started * 1000 == pytest.approx(context.create_time_since_epoch)
    last = max(one.last_update_time_since_epoch for one in executions)
    assert whole.ended * 1000 == pytest.approx(last)


def test_a_run_without_nodes_has_no_length(recorder: Recorder) -> None:
    whole = whole_run(recorder.runs, RUN)
    assert whole is not None
    assert (whole.nodes, whole.ended) == ([], whole.started)


def test_a_node_that_died_before_it_had_a_context_is_known_by_its_type(recorder: Recorder) -> None:
    from taxiway.metadata.records import ErrorKind

    recorder.runs.record_failure("run-0", "Pusher", "died", ErrorKind.FAILED)
    whole = whole_run(recorder.runs, "run-0")
    assert whole is not None
    assert whole.nodes[-1].node_id == "Pusher"


def test_a_run_that_no_one_knows_is_none(recorder: Recorder) -> None:
    assert whole_run(recorder.runs, "never") is None


def test_a_store_without_runs_has_none(tmp_path: Path) -> None:
    from taxiway.metadata.connection import SqliteMetadata
    from taxiway.metadata.store import RunStore

    empty = RunStore(SqliteMetadata(kind="sqlite", path=str(tmp_path / "empty.sqlite")))
    assert whole_runs(empty) == []
