"""A run whose nodes are run one by one, by whoever looks at what each has made: a notebook.

It is a run as any other: on record with its config, cached as ever, and at its end it has a report
and a place in the index. Only the order, and when it ends, is the user's.
"""

from __future__ import annotations

import atexit
import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path

from taxiway.config.loader import to_yaml
from taxiway.config.schema import Config
from taxiway.errors import ConfigError, TaxiwayError, did_you_mean
from taxiway.metadata.records import ErrorKind, NodeRecord, Outcome
from taxiway.metadata.store import run_store
from taxiway.modeling.inputs import write_inputs
from taxiway.process.lean_imports import lean_imports
from taxiway.process.provenance import provenance
from taxiway.process.temporary import run_folder
from taxiway.runners.catalog import load_pipeline
from taxiway.runners.local.lock import run_lock
from taxiway.runners.nodes.run_index import index_run
from taxiway.runners.nodes.run_mirror import mirror_ended
from taxiway.runners.nodes.run_recorder import RunRecorder, recorded
from taxiway.runners.preflight import check, open_databases
from taxiway.workers.active import working

with lean_imports():
    from taxiway.runners.local.containers import make_container_operator
    from taxiway.runners.local.exit_handler import ExitHandler
    from taxiway.runners.nodes.events import (
        NodeFailed,
        NodeSkipped,
        NodeStarted,
        RunEnded,
        RunStarted,
    )
    from taxiway.runners.nodes.ir import CompiledNode, compile_pipeline, nodes_of
    from taxiway.runners.nodes.launcher import make_launcher, register_run
    from taxiway.runners.nodes.results import NodeResult, result_of_error, result_of_launch
    from taxiway.runners.nodes.store_limits import check_storable


class Steps:
    """A run that has begun.

    Args:
      config: the resolved config.
      run_id: of the run.
      say: is told what a user should know.

    Raises:
      ConfigError: something in the config cannot work.
    """

    def __init__(self, config: Config, run_id: str, say: Callable[[str], None]) -> None:
        check(config)
        write_inputs(config)
        self.config = config
        self.run_id = run_id
        self.folder = Path(config.output.report_folder(run_id))
        self.results: dict[str, NodeResult] = {}
        self._say = say
        self._started = time.monotonic()
        self._runs = run_store(config.metadata)
        open_databases(config)
        self._nodes = {
            node.id: node
            for node in nodes_of(compile_pipeline(load_pipeline(config)(config), run_id))
        }
        check_storable(list(self._nodes.values()), config.metadata)
        self._recording = ExitStack()
        self._recorder = self._register()
        atexit.register(self._abandon)

    @property
    def nodes(self) -> list[str]:
        """Ids of all nodes, each after those it waits for."""
        return list(self._nodes)

    def run(self, node_id: str) -> NodeResult:
        """Runs a node, before it those it waits for, each once; one that failed is tried again.

        Raises:
          ConfigError: the pipeline has no such node.
          TaxiwayError: it failed, or one that it waits for.
        """
        if node_id not in self._nodes:
            raise ConfigError(
                f"the pipeline has no node '{node_id}'{did_you_mean(node_id, self.nodes)} "
                f"(it has {', '.join(self.nodes)})",
                edit="the name of the node",
            )
        wanted = self._waits_for(self._nodes[node_id])
        with run_folder(), self._locked(), working(self.config.engine.workers):
            for node in self._nodes.values():
                if node.id in wanted and self._is_to_be_run(node.id):
                    self._launch(node)
        return self.results[node_id]

    def record(self, node_id: str) -> NodeRecord:
        """What ML Metadata has of a node, which is run where it has not been yet.

        Raises:
          TaxiwayError: it failed, or was skipped.
        """
        result = self.run(node_id)
        if isinstance(result, NodeSkipped | NodeFailed):
            raise TaxiwayError(f"{node_id} made nothing: {result.reason}")
        return result.record

    def finish(self) -> RunEnded:
        """Runs what is left, and then the exit pipeline, which writes the report."""
        for node in self._nodes:
            if self._failure() is None:
                try:
                    self.run(node)
                except TaxiwayError:
                    logging.exception("node %s failed", node)
        failure = self._failure()
        outcome = Outcome.SUCCEEDED if failure is None else Outcome(failure.kind.value)
        ended = RunEnded(self.run_id, outcome, failure, time.monotonic() - self._started)
        with run_folder(), self._locked():
            ExitHandler(self.config).on_event(ended)
            self._recorder.on_event(ended)
            self._told()
        return ended

    def _abandon(self) -> None:
        """Of a process that ends before the run: it is on record as that."""
        if not self._recorder.has_ended:
            self._recorder.end(Outcome.INTERRUPTED.value, "its notebook ended before it")
            self._told()

    def _told(self) -> None:
        """The run has ended, and is on record: so it is in the index, and mirrored."""
        self._recording.close()
        index_run(self.config, self.run_id)
        mirror_ended(self.config, self.run_id)

    def _register(self) -> RunRecorder:
        values = {"config": to_yaml(self.config), "command": "a notebook"}
        values |= provenance({"container.image": self.config.container.image})
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "config.yaml").write_text(values["config"], encoding="utf-8")
        (self.folder / "command.txt").write_text(values["command"] + "\n", encoding="utf-8")
        recorder = self._recording.enter_context(recorded(self.config, self.run_id, values))
        recorder.on_event(RunStarted(self.run_id, self.nodes))
        with self._locked():
            register_run(list(self._nodes.values()), self._runs)
            self._runs.write_properties(self.run_id, values)
            index_run(self.config, self.run_id)
        return recorder

    def _locked(self) -> AbstractContextManager[None]:
        return run_lock(self.config.metadata, self.run_id, self._say)

    def _waits_for(self, node: CompiledNode) -> set[str]:
        found, left = {node.id}, list(node.upstream)
        while left:
            one = left.pop()
            if one not in found:
                found.add(one)
                left.extend(self._nodes[one].upstream)
        return found

    def _is_to_be_run(self, node_id: str) -> bool:
        return isinstance(self.results.get(node_id), NodeFailed | None)

    def _failure(self) -> NodeFailed | None:
        failed = (one for one in self.results.values() if isinstance(one, NodeFailed))
        return next(failed, None)

    def _launch(self, node: CompiledNode) -> None:
        started = time.monotonic()
        self._recorder.on_event(NodeStarted(self.run_id, node.id))
        tell = partial(self._tell, node.id)
        try:
            operator = make_container_operator(self.config.container.engine, tell)
            launched = make_launcher(node, self._runs, operator, tell).launch()
        except BaseException as error:
            seconds = time.monotonic() - started
            failed = result_of_error(self._runs, self.run_id, node.id, error, seconds)
            if failed.kind is ErrorKind.INTERRUPTED:
                raise  # and the node may be run again
            self._ended(node, failed)
            raise TaxiwayError(f"{node.id}: {failed.reason}", edit=failed.edit) from error
        seconds = time.monotonic() - started
        result = result_of_launch(self._runs, self.run_id, node.id, launched, seconds)
        self._ended(node, result)
        if isinstance(result, NodeFailed):
            raise TaxiwayError(f"{node.id}: {result.reason}", edit=result.edit)

    def _ended(self, node: CompiledNode, result: NodeResult) -> None:
        self.results[node.id] = result
        self._recorder.on_event(result)

    def _tell(self, node_id: str, text: str) -> None:
        self._say(f"{node_id}: {text}")
