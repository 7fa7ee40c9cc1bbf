"""One attempt at one node of a run on a cluster; supervisor.py beside it starts it.

Everything is decided from ML Metadata, so that an attempt can be repeated at any point: what is
done is done, what a dead attempt left is cleaned away, and a gate's verdict stands, as does a
failure that was tried as often as it may be. In order: find the node by compiling the pipeline that
the task's config names; look for the result of an earlier attempt; if there is none, close what a
dead attempt left open and launch the node; emit the result as an event and write what Kubeflow
shows. A container component has two such phases, `prepare` and `publish`, around the task that runs
its own image. The exit task is another story: exit.py.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final

from taxiway.config.loader import to_yaml
from taxiway.config.schema import Config
from taxiway.errors import EXIT_OK, EXIT_RUN_FAILED, ConfigError, TaxiwayError
from taxiway.metadata.records import DONE_STATES, ErrorKind, NodeRecord
from taxiway.metadata.store import run_store
from taxiway.modeling.inputs import write_inputs
from taxiway.process import progress
from taxiway.process.lean_imports import lean_imports
from taxiway.process.memory import few_arenas, share_gpu
from taxiway.process.provenance import provenance
from taxiway.registry.database.session import open_database
from taxiway.runners.catalog import load_pipeline
from taxiway.runners.console.progress import Progress
from taxiway.runners.console.terminal import TerminalConsole
from taxiway.runners.kubeflow.kubernetes import longest_seconds, resources_of
from taxiway.runners.kubeflow.task.alive import at_work, comes_back, goes_on
from taxiway.runners.kubeflow.task.job import EXIT_NODE, unpack
from taxiway.runners.kubeflow.task.outputs import (
    METRICS_OUTPUT,
    RECORD_OUTPUT,
    TaskOutputs,
)
from taxiway.runners.kubeflow.task.supervisor import EXIT_FINAL, parse, run_id_of
from taxiway.runners.nodes.cleanup import abandon
from taxiway.runners.nodes.event_log import EventLog
from taxiway.runners.nodes.events import (
    NodeFailed,
    NodeMessage,
    NodeProgress,
    NodeSkipped,
    NodeStarted,
    RunObserver,
)
from taxiway.runners.nodes.keep_inputs import keep_inputs
from taxiway.runners.nodes.results import (
    FALSE_CONDITION,
    NodeResult,
    is_final,
    result_of_error,
    result_of_launch,
    result_of_record,
)
from taxiway.runners.nodes.run_recorder import KUBEFLOW
from taxiway.terminal import print_error
from taxiway.workers.active import working

with lean_imports():
    from taxiway.runners.nodes.container_command import (
        RUN_COMMAND,
        RUN_PARAMETER,
        SKIP_COMMAND,
        argument_name,
        dynamic_parts,
        resolve_command,
    )
    from taxiway.runners.nodes.ir import (
        IMPORTER,
        RESOLVER,
        CompiledNode,
        compile_pipeline,
        nodes_of,
    )
    from taxiway.runners.nodes.launcher import NodeLauncher, make_launcher, register_run


def main(argv: Sequence[str] | None = None) -> int:
    """Runs what the command line names; prints a line for each event."""
    few_arenas()
    share_gpu()
    arguments = parse(argv)
    job = unpack(arguments.job)
    logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(name)s %(message)s")
    observers = (Progress(TerminalConsole(file=sys.stdout)), EventLog())
    outputs = TaskOutputs(arguments.executor_input)
    try:
        config = job.resolve(arguments.parameters)
        _ = open_database(config.registry).engine  # not first when a model has been pushed
        run_id = run_id_of(arguments)
        if job.node_id == EXIT_NODE:
            from taxiway.runners.kubeflow.task.exit import run_exit

            with at_work(config, f"{run_id}-{EXIT_NODE}", EXIT_NODE):
                return run_exit(config, run_id, outputs, observers)
        attempt = Attempt(config, job.node_id, run_id, outputs, observers, job.commit)
        with at_work(config, run_id, job.node_id):
            return attempt.run(arguments.phase, arguments.attempt >= arguments.attempts)
    except TaxiwayError as error:
        print_error(f"error: {error}")
        return EXIT_FINAL if is_final(error) else EXIT_RUN_FAILED


class Attempt:
    """One attempt at a node.

    Args:
      config: the resolved config.
      node_id: the node.
      run_id: the run.
      outputs: where Kubeflow wants its own.
      observers: receive the events of this node.
      commit: of the code that the pipeline was compiled from.
    """

    def __init__(
        self,
        config: Config,
        node_id: str,
        run_id: str,
        outputs: TaskOutputs,
        observers: Sequence[RunObserver] = (),
        commit: Mapping[str, str] | None = None,
    ) -> None:
        self._config = config
        self._commit = commit or {}
        self._run_id = run_id
        self._outputs = outputs
        self._observers = observers
        self._runs = run_store(config.metadata)
        self._node, self._nodes = _find(config, node_id, run_id)

    def run(self, phase: str = "whole", last: bool = False) -> int:
        """Runs a phase (see PHASES) and gives the exit code, as MLMD has the node's end.

        Args:
          phase: which.
          last: no other attempt follows; what fails now stays failed, in other pods too.

        Returns:
          0; 1 where it failed; EXIT_FINAL where it failed and another attempt would too.
        """
        started = time.monotonic()
        node_id = self._node.id
        final = False
        for observer in self._observers:
            observer.on_event(NodeStarted(self._run_id, node_id))
        try:
            end = self._earlier_result()
            if end is None:
                end = PHASES[phase](self, started)
            else:
                final = isinstance(end, NodeFailed)
        except Exception as error:
            seconds = time.monotonic() - started
            end = result_of_error(self._runs, self._run_id, node_id, error, seconds)
            final = is_final(error)
        failed = isinstance(end, NodeFailed)
        if failed and (final or last):
            self._runs.give_up(self._run_id, node_id)
        if end is not None:
            for observer in self._observers:
                observer.on_event(end)
        self._show(phase, end)
        if not failed:
            return EXIT_OK
        return EXIT_FINAL if final else EXIT_RUN_FAILED

    def _earlier_result(self) -> NodeResult | None:
        """The result of an earlier attempt; without one, the way is cleared for this one."""
        register_run(self._nodes, self._runs)
        record = self._record()
        if record is None:
            return None
        verdict = record.error_kind is ErrorKind.STOPPED or record.given_up
        if record.state in DONE_STATES or verdict:
            return result_of_record(self._run_id, record, 0.0)
        return None

    def _record(self) -> NodeRecord | None:
        if "config" not in self._runs.properties(self._run_id):
            images = {
                "kubeflow.image": self._config.kubeflow.image,
                "container.image": self._config.container.image,
            }
            values = {"config": to_yaml(self._config), "command": "a run on Kubeflow Pipelines"}
            values |= provenance(images, self._commit)
            self._runs.write_properties(self._run_id, values)
        return self._runs.node(self._run_id, self._node.id)

    def _reopen(self) -> None:
        """An importer or a resolver registers anew; other nodes go on with their execution."""
        run_id, node_id = self._run_id, self._node.id
        abandon(self._config, run_id, "another attempt followed", ErrorKind.FAILED, node_id)
        record = self._record()
        if record is not None and self._node.type not in (IMPORTER, RESOLVER):
            self._runs.reopen(record.execution_id)

    def _whole(self, started: float) -> NodeResult:
        self._reopen()
        if self._node.type == IMPORTER:
            write_inputs(self._config)
        if self._node.driver_spec is not None:
            keep_inputs(self._config, self._run_id, logging.warning, KUBEFLOW)
        with working(self._config.engine.workers), progress.listening(self._tell):
            launched = self._launcher().launch()
        seconds = time.monotonic() - started
        return result_of_launch(self._runs, self._run_id, self._node.id, launched, seconds)

    def _tell(self, how_far: progress.Progress) -> None:
        for observer in self._observers:
            observer.on_event(NodeProgress(self._run_id, self._node.id, how_far))

    def _prepare(self, started: float) -> NodeResult | None:
        """Before a container component's own task: its inputs, and its command filled in."""
        self._reopen()
        info = self._launcher().prepare()
        if info is None:
            record = self._record()
            skipped = NodeSkipped(self._run_id, self._node.id, FALSE_CONDITION)
            seconds = time.monotonic() - started
            return skipped if record is None else result_of_record(self._run_id, record, seconds)
        spec = self._node.executor_spec
        command = resolve_command(spec, info, self._node.platform_config)
        self._outputs.write_parameters(
            {RUN_PARAMETER: RUN_COMMAND}
            | {
                argument_name(index): command[index]
                for index in dynamic_parts(self._node.executor_spec)
            }
        )
        self._goes_on()
        return None

    def _goes_on(self) -> None:
        """The container's own task comes next, in a pod that holds no lock."""
        resources = resources_of(self._config.kubeflow, self._node.id)
        seconds = longest_seconds(resources, self._config.kubeflow.backoff)
        goes_on(self._config, self._run_id, self._node.id, seconds)

    def _publish(self, started: float) -> NodeResult:
        """After a container component's own task."""
        comes_back(self._config, self._run_id, self._node.id)
        if self._record() is None:
            return NodeSkipped(self._run_id, self._node.id, FALSE_CONDITION)
        self._launcher().publish()
        record = self._record()
        assert record is not None
        return result_of_record(self._run_id, record, time.monotonic() - started)

    def _launcher(self) -> NodeLauncher:
        def say(text: str) -> None:
            for observer in self._observers:
                observer.on_event(NodeMessage(self._run_id, self._node.id, text))

        return make_launcher(self._node, self._runs, say=say)

    def _show(self, phase: str, end: NodeResult | None) -> None:
        """Gives Kubeflow all that the task declares; a container learns if it has nothing to do.

        Args:
          phase: which.
          end: how it ended; None for a `prepare` whose container goes on.
        """
        if phase == "prepare" and end is not None and not isinstance(end, NodeFailed):
            self._outputs.write_parameters(
                {RUN_PARAMETER: SKIP_COMMAND}
                | {argument_name(index): "" for index in dynamic_parts(self._node.executor_spec)}
            )
        record = getattr(end, "record", None)
        if RECORD_OUTPUT in self._outputs:
            self._outputs.write_record(RECORD_OUTPUT, self._whereabouts(record, end))
        if METRICS_OUTPUT in self._outputs:
            from taxiway.evaluation.results import overall_metrics, read_metrics

            evaluation = record and record.output(self._node.metrics_output or "")
            metrics = overall_metrics(read_metrics(evaluation.uri)) if evaluation else {}
            self._outputs.write_metrics(METRICS_OUTPUT, metrics)

    def _whereabouts(self, record: NodeRecord | None, end: NodeResult | None) -> dict[str, str]:
        """Where to find the node in ML Metadata and its outputs on the volume."""
        found = {"run": self._run_id, "node": self._node.id}
        if record is None:
            return found | {"state": _state(end)}
        outputs = {key: artifacts[0].uri for key, artifacts in record.outputs.items() if artifacts}
        return found | {"state": record.state, "execution": str(record.execution_id)} | outputs


def _state(end: NodeResult | None) -> str:
    """In ML Metadata's words, of a node that is not done."""
    if end is None:
        return "RUNNING"
    return "FAILED" if isinstance(end, NodeFailed) else "SKIPPED"


PHASES: Final = {
    "whole": Attempt._whole,
    "prepare": Attempt._prepare,
    "publish": Attempt._publish,
}


def _find(config: Config, node_id: str, run_id: str) -> tuple[CompiledNode, list[CompiledNode]]:
    nodes = nodes_of(compile_pipeline(load_pipeline(config)(config), run_id))
    for node in nodes:
        if node.id == node_id:
            return node, nodes
    raise ConfigError(f"the pipeline has no node '{node_id}'", edit="compile again")


if __name__ == "__main__":
    sys.exit(main())
