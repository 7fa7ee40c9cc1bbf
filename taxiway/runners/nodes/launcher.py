"""TFX's node launcher, made to leave nothing half-written and to survive a database restart."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tfx.dsl.io import fileio
from tfx.orchestration import metadata as tfx_metadata
from tfx.orchestration.portable import inputs_utils, outputs_utils
from tfx.orchestration.portable.launcher import Launcher
from tfx.orchestration.portable.mlmd import context_lib
from tfx.proto.orchestration import executable_spec_pb2, execution_result_pb2

from taxiway.metadata.patience import patiently
from taxiway.metadata.store import RunStore
from taxiway.process.usage import Usage, measured
from taxiway.runners.nodes import code_stamp, reuse, shared_files
from taxiway.runners.nodes.ir import CompiledNode, executor_class


class NodeLauncher(Launcher):  # type: ignore[misc]  # TFX ships no types
    """Runs one node; see `make_launcher`.

    TFX removes half-written outputs after an exception but not after a KeyboardInterrupt, which
    its handlers let pass, and leaves what a killed attempt wrote for the next one to find. And
    it gives up at the first error of the database, as where two nodes register at once.
    """

    runs: RunStore
    say: Callable[[str], None] = staticmethod(lambda _: None)
    _at_work: int | None = None
    """The execution whose executor has been started."""

    def launch(self) -> Any:
        """Runs the node to its end, and keeps with its execution what that has cost.

        A container component works beside other nodes, from which it cannot be told apart.
        """
        if isinstance(self._executor_spec, executable_spec_pb2.ContainerExecutableSpec):
            return super().launch()
        usage = Usage()
        try:
            with measured() as usage:
                launched = super().launch()
            if self._system_node_handler and launched is not None:
                self._at_work = launched.execution_id
        finally:
            self._keep(usage)
        return launched

    def _keep(self, usage: Usage) -> None:
        if self._at_work is None:  # cached, or skipped
            return
        try:
            self.runs.add_usage(self._at_work, usage)
        except Exception:  # it must not hide what failed first, nor fail a node that has not
            logging.exception("what %s has cost is not on record", self._pipeline_node.node_info.id)

    def _prepare_execution(self) -> Any:
        with reuse.telling(self.say):
            return patiently(super()._prepare_execution, self.runs.metadata)

    def _run_executor(self, execution_info: Any) -> Any:
        self._at_work = execution_info.execution_id
        remove_outputs(execution_info)
        code_stamp.check(self._pipeline_node, self._executor_spec)
        reuse.check_inputs(execution_info.input_dict, executor_class(self._executor_spec))
        try:
            executor_output = super()._run_executor(execution_info)
            reuse.take_inventory(execution_info.output_dict, executor_output)
        except BaseException:
            remove_outputs(execution_info)
            raise
        return executor_output

    def _publish_successful_execution(self, *args: Any, **kwargs: Any) -> None:
        patiently(
            lambda: super(NodeLauncher, self)._publish_successful_execution(*args, **kwargs),
            self.runs.metadata,
        )

    def _publish_failed_execution(
        self, execution_id: int, contexts: Any, executor_output: Any = None
    ) -> None:
        # Without the executor's own words: TFX keeps them as JSON, whose backslashes MLMD's
        # PostgreSQL client cannot write. What users read of a failure is written by results.py.
        del executor_output
        patiently(
            lambda: super(NodeLauncher, self)._publish_failed_execution(execution_id, contexts),
            self.runs.metadata,
        )

    def prepare(self) -> Any | None:
        """Registers a container component's execution, makes its output folders, lends its files.

        Returns:
          TFX's ExecutionInfo, or None where there is nothing to do: cached, skipped or done.
        """
        prepared = self._prepare_execution()
        if not prepared.is_execution_needed:
            return None
        info = prepared.execution_info
        remove_outputs(info)
        reuse.check_inputs(info.input_dict, None)
        outputs_utils.make_output_dirs(info.output_dict)
        shared_files.lend(info.input_dict, info.output_dict)
        self._clean_up(info)  # its folders for executors, of which a container knows nothing
        return info

    def publish(self) -> None:
        """Publishes what a container wrote after `prepare`; nothing where it had nothing to do.

        Raises:
          TaxiwayError: it wrote what this user cannot read.
        """
        prepared = self._prepare_execution()
        if prepared.is_execution_needed:
            info = prepared.execution_info
            shared_files.check_readable(self._pipeline_node.node_info.id, info.output_dict)
            shared_files.take_back(info.output_dict)
            self._clean_up(info)
            executor_output = execution_result_pb2.ExecutorOutput()
            reuse.take_inventory(info.output_dict, executor_output)
            self._publish_successful_execution(
                info.execution_id, prepared.contexts, info.output_dict, executor_output
            )

    def _clean_up(self, execution_info: Any) -> None:
        self._clean_up_stateless_execution_info(execution_info)
        self._clean_up_stateful_execution_info(execution_info)


def make_launcher(
    node: CompiledNode,
    runs: RunStore,
    container_operator: type[Any] | None = None,
    say: Callable[[str], None] | None = None,
) -> NodeLauncher:
    """A launcher of one node.

    Args:
      node: of a pipeline compiled for a run.
      runs: the store it registers with.
      container_operator: what runs container components here.
      say: is told what a user should know, as why nothing is reused.
    """
    operators = {executable_spec_pb2.ContainerExecutableSpec: container_operator}
    launcher = NodeLauncher(
        pipeline_node=node.pipeline_node,
        mlmd_connection=session(runs),
        pipeline_info=node.pipeline_info,
        pipeline_runtime_spec=node.runtime_spec,
        executor_spec=node.executor_spec,
        custom_driver_spec=node.driver_spec,
        platform_config=node.platform_config,
        custom_executor_operators=operators if container_operator else None,
    )
    launcher.runs = runs
    if say is not None:
        launcher.say = say
    return launcher


def session(runs: RunStore) -> tfx_metadata.Metadata:
    """TFX's own handle on the store; a connection for as long as it is entered."""
    return tfx_metadata.Metadata(runs.metadata.connection())


def register_run(nodes: Sequence[CompiledNode], runs: RunStore) -> None:
    """Makes the run's context ahead of its nodes, so that even a killed run is on record."""

    def register() -> None:
        with session(runs) as handle:
            context_lib.prepare_contexts(
                metadata_handle=handle, node_contexts=nodes[0].pipeline_node.contexts
            )

    patiently(register, runs.metadata)


def is_skipped(node: CompiledNode, runs: RunStore) -> bool:
    """Whether a node whose upstream has ended has nothing to do: its condition is false."""
    with session(runs) as handle:
        resolved = inputs_utils.resolve_input_artifacts(
            pipeline_node=node.pipeline_node, metadata_handle=handle
        )
    return isinstance(resolved, inputs_utils.Skip)


def remove_outputs(execution_info: Any) -> None:
    """Removes the output folders of an execution, as far as they exist."""
    for artifacts in execution_info.output_dict.values():
        for artifact in artifacts:
            if artifact.is_external:
                continue
            if fileio.isdir(artifact.uri):
                _remove_folder(artifact.uri)
            elif fileio.exists(artifact.uri):  # one value, in a file
                fileio.remove(artifact.uri)


def _remove_folder(uri: str) -> None:
    """Removes a folder, or puts it out of the way where another user's files are in it."""
    try:
        fileio.rmtree(uri)
    except Exception:
        path = Path(uri.removeprefix("file://"))
        if not path.is_dir():  # in a bucket, or gone by now
            raise
        shared_files.set_aside(path)
