"""A run of which every node would be cached: known beforehand, and recorded without starting one.

TFX asks ML Metadata some fifty times per node before it knows that it has nothing to do. Whether
that holds for all nodes follows from what goes into a run from outside: its IR, the files that its
drivers find, and the artifacts that its resolvers find. `digest_of_input` puts these into one
digest. A run that succeeds is remembered under it; a later run with the same digest, whose
artifacts are all still whole, gets copies of the earlier run's executions, as cached ones. A node
that makes any doubt (its cache is off, it takes the run's id, its driver is unknown) makes the
digest None, and the run goes node by node.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

from tfx.components.example_gen.driver import Driver
from tfx.dsl.io import fileio
from tfx.orchestration import data_types_utils
from tfx.orchestration.portable import inputs_utils
from tfx.utils import import_utils

from taxiway.metadata.repeat import repeat_run, run_of_input
from taxiway.metadata.store import RunStore
from taxiway.runners.nodes.ir import IMPORTER, RESOLVER, CompiledNode, nodes_of
from taxiway.runners.nodes.launcher import session
from taxiway.runners.nodes.reuse import fault_of


def digest_of_input(ir: Any, runs: RunStore) -> str | None:
    """sha256 of all that TFX's cache goes by, directly or through what nodes make of it.

    Args:
      ir: a pipeline's, of no run yet.
      runs: the store.

    Returns:
      None where a node runs each time (its cache is off, it takes the run's id, or a driver or a
      resolver decides what cannot be known beforehand), or where the input cannot be read, which
      the node itself reports best.
    """
    nodes = nodes_of(ir)
    if not all(map(_may_be_cached, nodes)):
        return None
    digest = hashlib.sha256()
    try:
        for node in nodes:
            found = [_driven(node), _module(node), _resolved(node, runs)]
            digest.update(b"".join(map(_in_order, node.protos)))
            digest.update(f"{node.id}: {json.dumps(found, sort_keys=True)}\n".encode())
    except Exception as error:  # drivers and resolvers raise what they like
        logging.info("what goes into the run is not known beforehand: %s", error)
        return None
    return digest.hexdigest()


def find_unchanged(
    runs: RunStore,
    digest: str,
    nodes: Sequence[CompiledNode],
    say: Callable[[str, str], None] = lambda *_: None,
) -> str | None:
    """The newest run that succeeded with the same input, if all that it made is still as it was.

    That is the artifacts, and what is outside of the pipeline as far as components look after it.

    Args:
      runs: the store.
      digest: see `digest_of_input`.
      nodes: of the run to come.
      say: is told which node has to make good for a loss, and for which; of artifacts that are not
        whole their nodes tell by themselves.
    """
    run_id = run_of_input(runs, digest)
    if run_id is None:
        return None
    records = runs.nodes(run_id)
    artifacts = (
        artifact for record in records for made in record.outputs.values() for artifact in made
    )
    fault = next(filter(None, map(fault_of, artifacts)), "")
    if fault:
        logging.info("the run is not taken for unchanged: %s", fault)
        return None
    ran = {record.node_id for record in records}
    for node in nodes:
        lost = node.declared.lost
        fault = lost(records, _parameters(node)) if lost and node.id in ran else ""
        if fault:
            say(node.id, fault)
            return None
    return run_id


def record_unchanged(runs: RunStore, earlier: str, run_id: str) -> None:
    """Registers for a run the nodes of an earlier one, as cached."""
    repeat_run(runs, earlier, run_id, never_cached={RESOLVER})


def _in_order(message: Any) -> bytes:
    """A proto's bytes; maps are in order, which they are not in protos that a proto has packed."""
    serialized: bytes = message.SerializeToString(deterministic=True)
    return serialized


def _may_be_cached(node: CompiledNode) -> bool:
    parameters = node.pipeline_node.parameters.parameters
    if node.type == IMPORTER:
        return not parameters["reimport"].field_value.int_value
    if node.type == RESOLVER:
        return not node.upstream
    takes_run = any(
        value.WhichOneof("value") == "runtime_parameter" for value in parameters.values()
    )
    return (
        (_is_cached(node) or node.declared.never_cached)
        and not takes_run
        and (node.driver_spec is None or _is_known(node))
    )


def _is_cached(node: CompiledNode) -> bool:
    return bool(node.pipeline_node.execution_options.caching_options.enable_cache)


def _is_known(node: CompiledNode) -> bool:
    """Whether its driver is an ExampleGen's and, as those do, only looks at files."""
    return not node.upstream and issubclass(_driver(node), Driver)


def _driver(node: CompiledNode) -> Any:
    return import_utils.import_class_by_path(node.driver_spec.class_path)


def _parameters(node: CompiledNode) -> dict[str, Any]:
    resolved = inputs_utils.resolve_parameters_with_schema(node.pipeline_node.parameters)
    parsed: dict[str, Any] = data_types_utils.build_parsed_value_dict(resolved)
    return parsed


def _driven(node: CompiledNode) -> dict[str, Any] | None:
    """The parameters as a driver changes them: spans, files, fingerprint."""
    if node.driver_spec is None:
        return None
    resolved: dict[str, Any] = _driver(node)(None).resolve_exec_properties(
        _parameters(node), None, None
    )
    return resolved


def _module(node: CompiledNode) -> str | None:
    """sha256 of a module file, into which TFX's cache looks too."""
    parameters = node.pipeline_node.parameters.parameters
    path = "module_file" in parameters and parameters["module_file"].field_value.string_value
    if not path or not fileio.exists(path):
        return None
    with fileio.open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _resolved(node: CompiledNode, runs: RunStore) -> list[dict[str, list[int]]] | None:
    """Ids of the artifacts that a resolver finds."""
    if node.type != RESOLVER:
        return None
    with session(runs) as handle:
        found: Sequence[Any] = inputs_utils.resolve_input_artifacts(
            pipeline_node=node.pipeline_node, metadata_handle=handle
        )
    return [{key: [one.id for one in value] for key, value in one.items()} for one in found]
