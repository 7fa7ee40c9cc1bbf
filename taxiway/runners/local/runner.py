"""The local runner: Beam runs the DAG, observers hear what happens, every end is a clear one."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from apache_beam.options.pipeline_options import StandardOptions
from tfx.orchestration.beam.beam_dag_runner import BeamDagRunner, PipelineNodeAsDoFn
from tfx.orchestration.pipeline import Pipeline

from taxiway.config.beam import IN_PROCESS
from taxiway.config.schema import Config
from taxiway.errors import TaxiwayError
from taxiway.metadata.records import NodeRecord, Outcome
from taxiway.metadata.repeat import remember_run
from taxiway.metadata.store import RunStore, run_store
from taxiway.process.progress import Progress, listening
from taxiway.runners.local.background import Background
from taxiway.runners.local.containers import make_container_operator
from taxiway.runners.local.unchanged import (
    digest_of_input,
    find_unchanged,
    record_unchanged,
)
from taxiway.runners.nodes.events import (
    Event,
    NodeCached,
    NodeFailed,
    NodeFinished,
    NodeMessage,
    NodeProgress,
    NodeSkipped,
    NodeStarted,
    RunEnded,
    RunObserver,
    RunStarted,
    StopRun,
)
from taxiway.runners.nodes.ir import CompiledNode, compile_pipeline, nodes_of, of_run
from taxiway.runners.nodes.launcher import make_launcher, register_run
from taxiway.runners.nodes.results import (
    FALSE_CONDITION,
    describe_error,
    result_of_error,
    result_of_launch,
    result_of_record,
)
from taxiway.runners.nodes.store_limits import check_storable


@dataclass
class _Run:
    """One run in progress; node functions find it by its id, since Beam pickles them."""

    run_id: str
    config: Config
    runs: RunStore
    observers: Sequence[RunObserver]
    nodes: Mapping[str, CompiledNode]
    withheld: frozenset[str] = frozenset()
    """Ids of nodes that are left out, since the run delivers nothing."""
    background: Background | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    ended_nodes: set[str] = field(default_factory=set)
    failure: NodeFailed | None = None

    def emit(self, event: Event) -> None:
        """Hands an event to every observer, one event at a time.

        Raises:
          StopRun: an observer of a NodeProgress has.
        """
        stop: StopRun | None = None
        with self.lock:
            for observer in self.observers:
                try:
                    observer.on_event(event)
                except StopRun as error:
                    stop = stop or error
                except Exception:  # who watches a run must not be able to break it
                    logging.exception("%s failed on %s", type(observer).__name__, event)
            if isinstance(event, NodeFailed) and self.failure is None:
                self.failure = event
            if isinstance(event, NodeCached | NodeFinished | NodeFailed | NodeSkipped):
                self.ended_nodes.add(event.node_id)
        if stop is not None and isinstance(event, NodeProgress):
            raise stop


DELIVERS_NOTHING: Final = "this run delivers nothing"
_active: dict[str, _Run] = {}


class LocalRunner(BeamDagRunner):  # type: ignore[misc]  # TFX ships no types
    """Runs a pipeline in this process, nodes in Beam's order, and emits events to its observers.

    Args:
      config: the resolved config; its metadata and container sections are used.
      observers: receive each event, in this order.
      in_sequence: one node after the other without Beam, which costs a short pipeline more than
        its nodes do; a container component then runs beside no other.
      deliver: run the nodes that have declared that they hand a model over, and those after them.
      run_properties: strings written on the run's MLMD context before the first node.
    """

    def __new__(cls, *_: Any, **__: Any) -> LocalRunner:
        """BeamDagRunner's own takes its legacy arguments."""
        return object.__new__(cls)

    def __init__(
        self,
        config: Config,
        observers: Sequence[RunObserver] = (),
        run_properties: Mapping[str, str] | None = None,
        in_sequence: bool = False,
        deliver: bool = True,
    ) -> None:
        self._config = config
        self._in_sequence = in_sequence
        self._deliver = deliver
        self._observers = observers
        self._run_properties = dict(run_properties or {})

    def run_pipeline(self, pipeline: Pipeline, run_id: str) -> RunEnded:
        """Runs to the end, whatever it is; failures of nodes are events, not raised.

        Raises:
          ConfigError: the metadata store cannot hold this pipeline; nothing was started.
        """
        ir = compile_pipeline(pipeline)
        nodes = nodes_of(of_run(ir, run_id))
        check_storable(nodes, self._config.metadata)
        run = _Run(
            run_id,
            self._config,
            run_store(self._config.metadata),
            self._observers,
            {node.id: node for node in nodes},
            frozenset() if self._deliver else _delivering(nodes),
        )
        started = time.monotonic()
        run.emit(RunStarted(run_id, [node.id for node in nodes]))
        _active[run_id] = run
        interrupted = False
        try:
            with _interruptible():
                self._run_nodes(run, ir)
        except KeyboardInterrupt:
            interrupted = True
        except Exception as error:
            if run.failure is None:
                logging.exception("run %s failed outside of its nodes", run_id)
                run.emit(NodeFailed(run_id, "(runner)", *describe_error(error)))
        finally:
            if run.background is not None:
                run.background.close()
            del _active[run_id]
        for node in nodes:
            if node.id not in run.ended_nodes:
                run.emit(NodeSkipped(run_id, node.id, "the run ended before it"))
        ended = RunEnded(
            run_id, _outcome(run.failure, interrupted), run.failure, time.monotonic() - started
        )
        run.emit(ended)
        return ended

    def _run_nodes(self, run: _Run, ir: Any) -> None:
        """Runs all nodes, or none where each of them would find its outputs in the cache."""
        runs, nodes = run.runs, list(run.nodes.values())
        register_run(nodes, runs)
        runs.write_properties(run.run_id, self._run_properties)
        digest = None if run.withheld else digest_of_input(ir, runs)
        earlier = digest and find_unchanged(runs, digest, nodes, partial(_say, run))
        if earlier:
            record_unchanged(runs, earlier, run.run_id)
            _emit_recorded(run, runs.nodes(run.run_id))
        elif self._in_sequence:
            for node in nodes:
                _launch(run, node)
        else:
            run.background = Background(nodes, partial(_launch, run))
            with _beams_own_runner():
                self.run_with_ir(of_run(ir, run.run_id))
            run.background.close()  # what ran in the background may have failed too
        if digest and run.failure is None:
            remember_run(runs, digest, run.run_id)

    def _connection_config_from_deployment_config(self, deployment_config: Any) -> Any:
        """None: nodes connect as the config says, and TFX would log the password it is given."""
        del deployment_config


class _ObservedNode(PipelineNodeAsDoFn):  # type: ignore[misc]  # TFX ships no types
    """One node as Beam calls it, after all that are upstream of it."""

    def _run_node(self) -> None:
        run = _active[self._pipeline_runtime_spec.pipeline_run_id.field_value.string_value]
        node = run.nodes[self._node_id]
        assert run.background is not None
        run.background.wait_for(node)
        if not run.background.start(node):
            _launch(run, node)
            run.background.node_ended(node.id)


LocalRunner._PIPELINE_NODE_DO_FN_CLS = _ObservedNode


def _launch(run: _Run, node: CompiledNode) -> None:
    """Runs a node to its end and emits how it went; raises where that is a failure."""
    if run.failure is not None:
        raise RuntimeError(f"not started: {run.failure.node_id} has failed")
    if node.id in run.withheld:
        run.emit(NodeSkipped(run.run_id, node.id, DELIVERS_NOTHING))
        return
    run.emit(NodeStarted(run.run_id, node.id))
    started = time.monotonic()

    def tell(progress: Progress) -> None:
        run.emit(NodeProgress(run.run_id, node.id, progress))

    log = partial(_say, run, node.id)
    try:
        operator = make_container_operator(run.config.container.engine, log)
        with listening(tell):
            launched = make_launcher(node, run.runs, operator, log).launch()
    except BaseException as error:
        seconds = time.monotonic() - started
        run.emit(result_of_error(run.runs, run.run_id, node.id, error, seconds))
        raise
    end = result_of_launch(run.runs, run.run_id, node.id, launched, time.monotonic() - started)
    run.emit(end)
    if isinstance(end, NodeFailed):
        raise TaxiwayError(end.reason)


def _delivering(nodes: Sequence[CompiledNode]) -> frozenset[str]:
    """Those that deliver, and those after them, which could not do without; nodes are in order."""
    found: set[str] = set()
    for node in nodes:
        if node.declared.delivers or found.intersection(node.upstream):
            found.add(node.id)
    return frozenset(found)


def _say(run: _Run, node_id: str, text: str) -> None:
    run.emit(NodeMessage(run.run_id, node_id, text))


def _emit_recorded(run: _Run, records: Sequence[NodeRecord]) -> None:
    """The events of a run whose nodes were recorded without being launched."""
    ends = {record.node_id: result_of_record(run.run_id, record, 0.0) for record in records}
    for node_id in run.nodes:
        run.emit(NodeStarted(run.run_id, node_id))
        run.emit(ends.get(node_id) or NodeSkipped(run.run_id, node_id, FALSE_CONDITION))


def _outcome(failure: NodeFailed | None, interrupted: bool) -> Outcome:
    if interrupted:
        return Outcome.INTERRUPTED
    return Outcome.SUCCEEDED if failure is None else Outcome(failure.kind.value)


@contextlib.contextmanager
def _beams_own_runner() -> Iterator[None]:
    """Beam runs the nodes in this process, which they rely on; its newer default is Prism.

    TFX makes its Beam pipeline without options, so that only the default can be changed.
    """
    before = StandardOptions.DEFAULT_RUNNER
    StandardOptions.DEFAULT_RUNNER = IN_PROCESS
    try:
        yield
    finally:
        StandardOptions.DEFAULT_RUNNER = before


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM interrupts a run just as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
