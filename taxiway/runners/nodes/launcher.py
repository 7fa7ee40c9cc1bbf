"""TFX's node launcher, made to leave nothing half-written and to survive a database restart."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from ml_metadata import errors
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_delay,
    wait_random_exponential,
)
from tfx.dsl.io import fileio
from tfx.orchestration import metadata as tfx_metadata
from tfx.orchestration.portable import inputs_utils, outputs_utils
from tfx.orchestration.portable.launcher import Launcher
from tfx.orchestration.portable.mlmd import context_lib
from tfx.proto.orchestration import executable_spec_pb2, execution_result_pb2

from taxiway.config.metadata import Metadata
from taxiway.errors import TaxiwayError
from taxiway.metadata.connection import connection_config
from taxiway.runners.nodes import code_stamp as code
from taxiway.runners.nodes.ir import CompiledNode

PATIENCE_SECONDS: Final = 60.0
"""How long a database server may be away in the middle of a run."""


class NodeLauncher(Launcher):  # type: ignore[misc]  # TFX ships no types
    """Runs one node; see `make_launcher`.

    TFX removes half-written outputs after an exception but not after a KeyboardInterrupt, which
    its handlers let pass, and leaves what a killed attempt wrote for the next one to find. And
    it gives up at the first error of the database, as where two nodes register at once.
    """

    def _prepare_execution(self) -> Any:
        return patiently(super()._prepare_execution)

    def _run_executor(self, execution_info: Any) -> Any:
        remove_outputs(execution_info)
        code.check(self._pipeline_node, self._executor_spec)
        try:
            return super()._run_executor(execution_info)
        except BaseException:
            remove_outputs(execution_info)
            raise

    def _publish_successful_execution(self, *args: Any, **kwargs: Any) -> None:
        patiently(lambda: super(NodeLauncher, self)._publish_successful_execution(*args, **kwargs))

    def _publish_failed_execution(
        self, execution_id: int, contexts: Any, executor_output: Any = None
    ) -> None:
        # Without the executor's own words: TFX keeps them as JSON, whose backslashes MLMD's
        # PostgreSQL client cannot write. What users read of a failure is written by ends.py.
        del executor_output
        patiently(
            lambda: super(NodeLauncher, self)._publish_failed_execution(execution_id, contexts)
        )

    def prepare(self) -> Any | None:
        """Registers a container component's execution and makes its output folders.

        Returns:
          TFX's ExecutionInfo, or None where there is nothing to do: cached, skipped or done.
        """
        prepared = self._prepare_execution()
        if not prepared.is_execution_needed:
            return None
        info = prepared.execution_info
        remove_outputs(info)
        outputs_utils.make_output_dirs(info.output_dict)
        self._clean_up(info)  # its folders for executors, of which a container knows nothing
        return info

    def publish(self) -> None:
        """Publishes what a container wrote after `prepare`; nothing where it had nothing to do."""
        prepared = self._prepare_execution()
        if prepared.is_execution_needed:
            info = prepared.execution_info
            self._clean_up(info)
            self._publish_successful_execution(
                info.execution_id,
                prepared.contexts,
                info.output_dict,
                execution_result_pb2.ExecutorOutput(),
            )

    def _clean_up(self, execution_info: Any) -> None:
        self._clean_up_stateless_execution_info(execution_info)
        self._clean_up_stateful_execution_info(execution_info)


def make_launcher(
    node: CompiledNode, metadata: Metadata, container_operator: type[Any] | None = None
) -> NodeLauncher:
    """A launcher of one node.

    Args:
      node: of a pipeline compiled for a run.
      metadata: the store it registers with.
      container_operator: what runs container components here.
    """
    operators = {executable_spec_pb2.ContainerExecutableSpec: container_operator}
    return NodeLauncher(
        pipeline_node=node.pipeline_node,
        mlmd_connection=tfx_metadata.Metadata(connection_config(metadata)),
        pipeline_info=node.pipeline_info,
        pipeline_runtime_spec=node.runtime_spec,
        executor_spec=node.executor_spec,
        custom_driver_spec=node.driver_spec,
        platform_config=node.platform_config,
        custom_executor_operators=operators if container_operator else None,
    )


def register_run(nodes: Sequence[CompiledNode], metadata: Metadata) -> None:
    """Makes the run's context ahead of its nodes, so that even a killed run is on record."""

    def register() -> None:
        with tfx_metadata.Metadata(connection_config(metadata)) as handle:
            context_lib.prepare_contexts(
                metadata_handle=handle, node_contexts=nodes[0].pipeline_node.contexts
            )

    patiently(register)


def is_skipped(node: CompiledNode, metadata: Metadata) -> bool:
    """Whether a node whose upstream has ended has nothing to do: its condition is false."""
    with tfx_metadata.Metadata(connection_config(metadata)) as handle:
        resolved = inputs_utils.resolve_input_artifacts(
            pipeline_node=node.pipeline_node, metadata_handle=handle
        )
    return isinstance(resolved, inputs_utils.Skip)


def patiently(act: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """Does something in the metadata store, again and again while the store is in trouble.

    The store's own client tries again only what was aborted. A server that restarts, and two
    nodes that register the same type at once, come as the other errors named here.

    Raises:
      TaxiwayError: the store does not answer, though `seconds` have passed.
      ml_metadata.errors.StatusError: any other trouble that did not pass.
    """
    try:
        return Retrying(
            retry=retry_if_exception(_may_pass),
            wait=wait_random_exponential(multiplier=0.2, max=5.0),
            stop=stop_after_delay(seconds),
            before_sleep=_say,
            reraise=True,
        )(act)
    except RuntimeError as error:
        if not _is_no_connection(error):
            raise
        raise TaxiwayError(
            f"the metadata store does not let us in: {error}",
            edit="metadata: is the server up, and are host, port, user and password right?",
        ) from error


def _may_pass(error: BaseException) -> bool:
    trouble = (
        errors.AbortedError,
        errors.AlreadyExistsError,
        errors.InternalError,
        errors.UnavailableError,
    )
    # What MLMD's PostgreSQL client cannot write (see limits.py) it never will.
    hopeless = any(words in str(error) for words in ("syntax error", "exceeds btree"))
    return (isinstance(error, trouble) and not hopeless) or _is_no_connection(error)


def _is_no_connection(error: BaseException) -> bool:
    """MLMD's constructor, and TFX's around it, raise a plain RuntimeError."""
    return type(error) is RuntimeError and "connect" in str(error)


def _say(state: RetryCallState) -> None:
    error = state.outcome and state.outcome.exception()
    logging.warning("metadata store, try %d: %s", state.attempt_number, error)


def remove_outputs(execution_info: Any) -> None:
    """Removes the output folders of an execution, as far as they exist."""
    for artifacts in execution_info.output_dict.values():
        for artifact in artifacts:
            if artifact.is_external:
                continue
            if fileio.isdir(artifact.uri):
                fileio.rmtree(artifact.uri)
            elif fileio.exists(artifact.uri):  # one value, in a file
                fileio.remove(artifact.uri)
