"""The analysis of a preprocessing_fn: passes over shards until its graph needs no more data.

tf.Transform finds what can be computed in one pass over the data, puts the results into the graph
as constants, and looks again (`tensorflow_transform.beam.analysis_graph_builder`, whose loop this
follows). Each pass is one job over shards; the graph that gives the analyzers their inputs is a
SavedModel that workers load.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import cloudpickle
import tensorflow as tf
from tensorflow_transform import (
    analyzer_nodes,
    annotators,
    graph_tools,
    impl_helper,
    nodes,
    tf_utils,
)

from taxiway.arrow.transform.accumulate import Pass, accumulate, merge
from taxiway.arrow.transform.analyzers import ACCUMULATORS, EVALUATORS, Surroundings, check_known
from taxiway.workers import active
from taxiway.workers.job import Shard

STEP = "Transform"

PreprocessingFn = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True)
class Analyzed:
    """A preprocessing_fn whose analyzers have become constants."""

    saved_model: str
    """Folder of tf.Transform's SavedModel."""
    assets: Mapping[str, str]
    """Vocabulary names to their files' names among the model's assets."""


def analyze(
    preprocessing_fn: PreprocessingFn,
    feature_spec: Mapping[str, Any],
    shards: Sequence[Shard],
    folder: str,
    save_options: Any = None,
) -> Analyzed:
    """Runs every analyzer over the shards and writes the SavedModel.

    Args:
      preprocessing_fn: from raw columns to transformed ones.
      feature_spec: how raw columns are parsed from tf.Examples.
      shards: files of tf.Examples to learn from.
      folder: for what is written, also between passes; every worker must see it.
      save_options: tf.saved_model.SaveOptions, or None.

    Raises:
      ConfigError: an analyzer that only Beam can run.
      ValueError: the preprocessing_fn gives no outputs, or has trainable variables.
    """
    specs = impl_helper.get_type_specs_from_feature_specs(dict(feature_spec))
    graph, inputs, outputs = impl_helper.trace_preprocessing_function(
        preprocessing_fn, specs, use_tf_compat_v1=False, base_temp_dir=folder
    )
    _check(graph, outputs)
    assets = annotators.get_asset_annotations(graph)
    annotators.clear_asset_annotations(graph)
    writer = _Writer(
        preprocessing_fn,
        specs,
        folder,
        graph_tools.get_analyzers_fingerprint(graph, inputs),
        save_options,
    )
    sinks = graph.get_collection(analyzer_nodes.TENSOR_REPLACEMENTS)
    graph.clear_collection(analyzer_nodes.TENSOR_REPLACEMENTS)
    for sink in sinks:
        nodes.Traverser(_Check()).visit_value_node(sink.future)
    evaluator = _Evaluator(Surroundings(graph, folder))
    traverser = nodes.Traverser(evaluator)
    replaced: dict[str, Any] = {}
    ready = {tf_utils.hashable_tensor_or_op(sink.tensor): False for sink in sinks}
    while not all(ready.values()):
        analyzer = graph_tools.InitializableGraphAnalyzer(
            graph, inputs, list(ready.items()), graph_tools.describe_path_as_analyzer_cache_hash
        )
        computable = nodes.Traverser(_Ready(analyzer))
        now = [
            sink
            for sink in sinks
            if not ready[tf_utils.hashable_tensor_or_op(sink.tensor)]
            and computable.visit_value_node(sink.future)
        ]
        if not now:
            raise ValueError("the preprocessing_fn's analyzers depend on each other in a circle")
        sources = _Sources(known=evaluator.accumulated)
        for sink in now:
            nodes.Traverser(sources).visit_value_node(sink.future)
        if sources.found:
            tensors = {t.name: t for _, found in sources.found.values() for t in found}
            columns = graph_tools.get_dependent_inputs(graph, inputs, list(tensors.values()))
            model = writer.write(replaced, {name: name for name in tensors})
            one_pass = Pass(
                model=model,
                columns=tuple(sorted(columns)),
                payload=cloudpickle.dumps(
                    (
                        {name: feature_spec[name] for name in columns},
                        {
                            label: (
                                type(node),
                                ACCUMULATORS[type(node)].work(node),
                                tuple(t.name for t in found),
                            )
                            for label, (node, found) in sources.found.items()
                        },
                    )
                ),
            )
            result = active.run(
                partial(accumulate, one_pass),
                shards,
                partial(merge, one_pass),
                STEP,
                own_cores=math.inf,
            )
            evaluator.accumulated |= cloudpickle.loads(result)
        for sink in now:
            value = traverser.visit_value_node(sink.future)
            replaced[str(sink.tensor.name)] = tf.constant(value, sink.tensor.dtype)
            ready[tf_utils.hashable_tensor_or_op(sink.tensor)] = True
    return Analyzed(writer.write(replaced, {}), assets)


@dataclass(frozen=True)
class _Writer:
    """Writes the graph as a SavedModel, with what is known of its analyzers as constants."""

    preprocessing_fn: PreprocessingFn
    specs: Mapping[str, Any]
    folder: str
    fingerprint: Any
    save_options: Any

    def write(self, replaced: Mapping[str, Any], outputs: Mapping[str, str]) -> str:
        """The folder of a SavedModel; with no `outputs` it gives the preprocessing_fn's own."""
        folder = f"{self.folder}/{uuid.uuid4().hex}"
        impl_helper.trace_and_write_v2_saved_model(
            folder,
            self.preprocessing_fn,
            self.specs,
            self.folder,
            self.fingerprint,
            dict(replaced) or None,
            dict(outputs),
            self.save_options,
        )
        return folder


def _times(value: Any, node: Any) -> tuple[Any, ...]:
    return tuple(value for _ in range(node.num_outputs))


class _Values(nodes.Visitor):  # type: ignore[misc]  # tf.Transform ships no types
    """A visitor that takes any value."""

    def validate_value(self, value: Any) -> None:
        del value


class _Check(_Values):
    """Refuses nodes that only Beam can run, before any data is read."""

    def visit(self, node: Any, inputs: Any) -> tuple[Any, ...]:
        del inputs
        if not isinstance(node, analyzer_nodes.TensorSource):
            check_known(node)
        return _times(None, node)


class _Ready(_Values):
    """Whether a node can be computed with what is known so far."""

    def __init__(self, analyzer: Any) -> None:
        self._analyzer = analyzer

    def visit(self, node: Any, inputs: Any) -> tuple[Any, ...]:
        if isinstance(node, analyzer_nodes.TensorSource):
            known = all(self._analyzer.ready_to_run(tensor) for tensor in node.tensors)
        else:
            known = all(inputs)
        return _times(known, node)


class _Sources(_Values):
    """Collects the nodes that see rows, by label, with the tensors they see."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self._known = known
        self.found: dict[str, tuple[Any, Sequence[Any]]] = {}

    def visit(self, node: Any, inputs: Any) -> tuple[Any, ...]:
        if isinstance(node, analyzer_nodes.TensorSource):
            return (node.tensors,)
        if type(node) in ACCUMULATORS and node.label not in self._known:
            self.found[node.label] = (node, inputs[0])
        return _times(None, node)


class _Evaluator(_Values):
    """Computes nodes from what was accumulated."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self.accumulated: dict[str, Any] = {}

    def visit(self, node: Any, inputs: Any) -> tuple[Any, ...]:
        if isinstance(node, analyzer_nodes.TensorSource):
            return (None,)
        if type(node) in ACCUMULATORS:
            return (self.accumulated[node.label],)
        return EVALUATORS[type(node)](node, inputs, self._around)


def _check(graph: Any, outputs: Any) -> None:
    if not isinstance(outputs, dict) or not outputs:
        raise ValueError(f"the preprocessing_fn must give a dict of columns, got {outputs!r}")
    trainable = graph.get_collection(tf.compat.v1.GraphKeys.TRAINABLE_VARIABLES)
    if trainable:
        raise ValueError(f"the preprocessing_fn has trainable variables: {trainable}")
