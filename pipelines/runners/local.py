"""The local runner: Beam runs the DAG, observers hear what happens, every end is a clear one."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata as tfx_metadata
from tfx.orchestration.beam.beam_dag_runner import BeamDagRunner, PipelineNodeAsDoFn
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import runtime_parameter_utils
from tfx.orchestration.portable.mlmd import context_lib
from tfx.proto.orchestration import executable_spec_pb2

from configs.errors import GateStopped, TaxiwayError
from configs.schema import Config
from pipelines.runners.containers import make_container_operator
from pipelines.runners.events import (
    Event,
    NodeCached,
    NodeFailed,
    NodeFinished,
    NodeMessage,
    NodeSkipped,
    NodeStarted,
    RunEnded,
    RunObserver,
    RunStarted,
)
from pipelines.runners.launcher import NodeLauncher
from registry.metadata import (
    ErrorKind,
    NodeRecord,
    Outcome,
    close_executions,
    connection_config,
    node_record,
    open_store,
    write_run_properties,
)


@dataclass
class _Run:
    """One run in progress; node functions find it by its id, since Beam pickles them."""

    run_id: str
    config: Config
    observers: Sequence[RunObserver]
    ended_nodes: set[str] = field(default_factory=set)
    failure: NodeFailed | None = None

    def tell(self, event: Event) -> None:
        for observer in self.observers:
            try:
                observer.on_event(event)
            except Exception:  # who watches a run must not be able to break it
                logging.exception("%s failed on %s", type(observer).__name__, event)
        if isinstance(event, NodeFailed) and self.failure is None:
            self.failure = event
        if isinstance(event, NodeCached | NodeFinished | NodeFailed | NodeSkipped):
            self.ended_nodes.add(event.node_id)


_active: dict[str, _Run] = {}


class LocalRunner(BeamDagRunner):  # type: ignore[misc]  # TFX ships no types
    """Runs a pipeline in this process, node after node, and tells its observers.

    Args:
      config: the resolved config; its metadata and container sections are used.
      observers: told of each event, in this order.
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
    ) -> None:
        self._config = config
        self._observers = observers
        self._run_properties = dict(run_properties or {})

    def run_pipeline(self, pipeline: Pipeline, run_id: str) -> RunEnded:
        """Runs to the end, whatever it is; failures of nodes are told, not raised."""
        ir = compile_pipeline(pipeline, run_id)
        nodes = [node.pipeline_node for node in ir.nodes]
        run = _Run(run_id, self._config, self._observers)
        started = time.monotonic()
        run.tell(RunStarted(run_id, [node.node_info.id for node in nodes]))
        _active[run_id] = run
        interrupted = False
        try:
            with _interruptible():
                self._register(nodes, run_id)
                self.run_with_ir(ir)
        except KeyboardInterrupt:
            interrupted = True
        except Exception as error:
            if run.failure is None:
                logging.exception("run %s failed outside of its nodes", run_id)
                run.tell(NodeFailed(run_id, "(runner)", *describe_error(error)))
        finally:
            del _active[run_id]
        for node in nodes:
            if node.node_info.id not in run.ended_nodes:
                run.tell(NodeSkipped(run_id, node.node_info.id, "the run ended before it"))
        ended = RunEnded(
            run_id, _outcome(run.failure, interrupted), run.failure, time.monotonic() - started
        )
        run.tell(ended)
        return ended

    def _connection_config_from_deployment_config(self, deployment_config: Any) -> Any:
        """None: nodes connect as the config says, and TFX would log the password it is given."""
        del deployment_config

    def _register(self, nodes: Sequence[Any], run_id: str) -> None:
        """Makes the run's context ahead of its nodes, so that even a killed run is on record."""
        store = open_store(self._config.metadata)
        with tfx_metadata.Metadata(connection_config(self._config.metadata)) as handle:
            context_lib.prepare_contexts(metadata_handle=handle, node_contexts=nodes[0].contexts)
        write_run_properties(store, run_id, self._run_properties)


class _ObservedNode(PipelineNodeAsDoFn):  # type: ignore[misc]
    """One node as Beam calls it."""

    def _run_node(self) -> None:
        run_id = self._pipeline_runtime_spec.pipeline_run_id.field_value.string_value
        run = _active[run_id]
        if run.failure is not None:
            raise RuntimeError(f"not started: {run.failure.node_id} has failed")
        run.tell(NodeStarted(run_id, self._node_id))
        started = time.monotonic()
        try:
            launched = self._launch(run)
        except BaseException as error:
            self._tell_failure(run, error, time.monotonic() - started)
            raise
        self._tell_end(run, launched, time.monotonic() - started)

    def _launch(self, run: _Run) -> Any:
        def log(text: str) -> None:
            run.tell(NodeMessage(run.run_id, self._node_id, text))

        return NodeLauncher(
            pipeline_node=self._pipeline_node,
            mlmd_connection=tfx_metadata.Metadata(connection_config(run.config.metadata)),
            pipeline_info=self._pipeline_info,
            pipeline_runtime_spec=self._pipeline_runtime_spec,
            executor_spec=self._executor_spec,
            custom_driver_spec=self._custom_driver_spec,
            platform_config=self._extract_platform_config(self._deployment_config, self._node_id),
            custom_executor_operators={
                executable_spec_pb2.ContainerExecutableSpec: make_container_operator(
                    run.config.container.engine, log
                )
            },
        ).launch()

    def _tell_failure(self, run: _Run, error: BaseException, seconds: float) -> None:
        """The whole traceback goes to the log, a few lines of it to the observers and to MLMD."""
        logging.error("node %s failed", self._node_id, exc_info=error)
        reason, edit = describe_error(error)
        kind = error_kind(error)
        try:
            store = open_store(run.config.metadata)
            close_executions(store, run.run_id, self._node_id, reason, kind)
        except Exception:  # a full disk fails here too, and must not hide what failed first
            logging.exception("the end of node %s could not be recorded", self._node_id)
        run.tell(NodeFailed(run.run_id, self._node_id, reason, edit, kind, seconds))

    def _tell_end(self, run: _Run, launched: Any, seconds: float) -> None:
        """The end as MLMD has it: the launcher does not raise where input resolution failed."""
        record = node_record(open_store(run.config.metadata), run.run_id, self._node_id)
        if record is None or launched is None or launched.execution_id is None:
            run.tell(NodeSkipped(run.run_id, self._node_id, "its condition is false"))
        elif record.state == "CACHED":
            run.tell(NodeCached(run.run_id, self._node_id, record, seconds))
        elif record.state == "COMPLETE":
            run.tell(NodeFinished(run.run_id, self._node_id, record, seconds))
        else:
            failed = _failed(run.run_id, record, seconds)
            run.tell(failed)
            raise TaxiwayError(failed.reason)


LocalRunner._PIPELINE_NODE_DO_FN_CLS = _ObservedNode


def compile_pipeline(pipeline: Pipeline, run_id: str | None = None) -> Any:
    """TFX's IR of a pipeline; with a run id, that of one run of it."""
    ir = compiler.Compiler().compile(pipeline)
    if run_id is not None:
        runtime_parameter_utils.substitute_runtime_parameter(
            ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
        )
    return ir


def describe_error(error: BaseException) -> tuple[str, str]:
    """What to tell the user of an exception: our own words where we have them, and what to edit."""
    ours = _cause(error, TaxiwayError)
    if ours is not None:
        return ours.message, ours.edit
    if error_kind(error) is ErrorKind.INTERRUPTED:
        return "interrupted", ""
    text = str(error).strip().splitlines()
    first = text[0] if text else "no message"
    return f"{type(error).__name__}: {first}", ""


def error_kind(error: BaseException) -> ErrorKind:
    """Whether a gate did its duty, someone pressed Ctrl-C, or something went wrong."""
    if _cause(error, KeyboardInterrupt) is not None:
        return ErrorKind.INTERRUPTED
    return ErrorKind.STOPPED if _cause(error, GateStopped) is not None else ErrorKind.FAILED


def _cause(error: BaseException, kind: type[Any]) -> Any:
    """The first exception of a kind in the chain of causes."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, kind):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def _failed(run_id: str, record: NodeRecord, seconds: float) -> NodeFailed:
    reason = record.error or "its inputs could not be resolved"
    return NodeFailed(run_id, record.node_id, reason, seconds=seconds)


def _outcome(failure: NodeFailed | None, interrupted: bool) -> Outcome:
    if interrupted:
        return Outcome.INTERRUPTED
    return Outcome.SUCCEEDED if failure is None else Outcome(failure.kind.value)


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
