"""What each analyzer of tf.Transform does with data: one line of a table for each kind of node.

tf.Transform describes an analysis as a graph of small operations (`analyzer_nodes`), which Beam
runs. Here the same operations are run by functions: those that see rows accumulate over a shard's
batches and merge over shards, and those behind them turn one small value into another. The
arithmetic is tf.Transform's own wherever it is a Combiner.
"""

from __future__ import annotations

import collections
import hashlib
import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

import numpy as np
import tensorflow as tf
from tensorflow_transform import analyzer_nodes, tf_utils
from tensorflow_transform.analyzers import _VocabOrderingType as Ordering
from tensorflow_transform.analyzers import get_empy_vocabulary_dummy_value
from tensorflow_transform.beam import analyzer_impls

from taxiway.errors import ConfigError


@dataclass(frozen=True)
class Accumulator:
    """How one kind of node reduces rows.

    `work` is what workers need to know of a node, for nodes themselves cannot be pickled. `add`
    takes it, what was accumulated (None at first) and a batch's arrays, in the order of the node's
    tensors; `merge` takes it and what several shards accumulated, in their order.
    """

    work: Callable[[Any], Any]
    add: Callable[[Any, Any, Sequence[Any]], Any]
    merge: Callable[[Any, Sequence[Any]], Any]


@dataclass(frozen=True)
class Surroundings:
    """What nodes may need beside their inputs."""

    graph: Any
    folder: str
    """Where vocabularies are written."""


def _add_combine(combiner: Any, accumulated: Any, batch: Sequence[Any]) -> Any:
    start = combiner.create_accumulator() if accumulated is None else accumulated
    return combiner.add_input(start, tuple(batch))


def _merge_combine(combiner: Any, parts: Sequence[Any]) -> Any:
    return combiner.merge_accumulators(list(parts))


def _add_per_key(combiner: Any, accumulated: Any, batch: Sequence[Any]) -> Any:
    found = {} if accumulated is None else accumulated
    keys, *values = batch
    unique, inverse = np.unique(np.asarray(keys), return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    starts = np.searchsorted(inverse[order], np.arange(len(unique) + 1))
    for index, key in enumerate(unique.tolist()):
        rows = order[starts[index] : starts[index + 1]]
        before = found.get(key)
        for row in rows:  # a combiner takes one row's values at a time here, as on Beam
            before = _add_combine(combiner, before, [value[row] for value in values])
        found[key] = before
    return found


def _merge_per_key(combiner: Any, parts: Sequence[Any]) -> Any:
    by_key: dict[Any, list[Any]] = collections.defaultdict(list)
    for part in parts:
        for key, accumulated in part.items():
            by_key[key].append(accumulated)
    return {key: combiner.merge_accumulators(found) for key, found in by_key.items()}


def _add_tokens(ordering: Any, accumulated: Any, batch: Sequence[Any]) -> Any:
    counts = collections.Counter() if accumulated is None else accumulated
    if ordering == Ordering.FREQUENCY:
        counts.update(batch[0].tolist())
    else:
        for token, weight in zip(batch[0].tolist(), batch[1].tolist(), strict=True):
            counts[token] += weight
    return counts


def _merge_tokens(_: Any, parts: Sequence[Any]) -> Any:
    total: dict[Any, Any] = collections.Counter()
    for part in parts:
        for token, count in part.items():
            total[token] += count
    return total


ACCUMULATORS: Final[Mapping[type, Accumulator]] = {
    analyzer_nodes.CacheableCombineAccumulate: Accumulator(
        attrgetter("combiner"), _add_combine, _merge_combine
    ),
    analyzer_nodes.CacheableCombinePerKeyAccumulate: Accumulator(
        attrgetter("combiner"), _add_per_key, _merge_per_key
    ),
    analyzer_nodes.VocabularyAccumulate: Accumulator(
        attrgetter("vocab_ordering_type"), _add_tokens, _merge_tokens
    ),
}
"""Nodes that see rows."""


def _extract(node: Any, inputs: Sequence[Any], _: Surroundings) -> tuple[Any, ...]:
    merged = node.combiner.merge_accumulators([inputs[0]])
    return (node.combiner.extract_output(merged),)


def _outputs(_node: Any, inputs: Sequence[Any], _: Surroundings) -> tuple[Any, ...]:
    return tuple(inputs[0])


def _extract_per_key(node: Any, inputs: Sequence[Any], _: Surroundings) -> tuple[Any, ...]:
    extract = node.combiner.extract_output
    return ({key: extract(accumulated) for key, accumulated in inputs[0].items()},)


def _format_keys(node: Any, inputs: Sequence[Any], _: Surroundings) -> tuple[Any, ...]:
    """Keys and each output as arrays, in the order of the keys."""
    dtypes = [info.dtype.as_numpy_dtype for info in node.combiner.output_tensor_infos()]
    keys = sorted(inputs[0])
    columns = [
        np.array([inputs[0][key][place] for key in keys], dtype=dtype)
        for place, dtype in enumerate(dtypes)
    ]
    return (np.array(keys, dtype=tf.string.as_numpy_dtype), *columns)


def _format_large(_node: Any, inputs: Sequence[Any], _: Surroundings) -> tuple[Any, ...]:
    text = tf.compat.as_str_any
    return ([(",".join(map(text, value)), key) for key, value in inputs[0].items()],)


def _join_boundaries(_node: Any, inputs: Sequence[Any], _: Surroundings) -> tuple[Any, ...]:
    return tuple(analyzer_impls._join_boundary_rows(inputs[0]))


def _count_tokens(_node: Any, inputs: Sequence[Any], _: Surroundings) -> tuple[Any, ...]:
    """At least one: an empty vocabulary is written with a token that stands for none."""
    return (np.int64(max(len(inputs[0]), 1)),)


def _swap(_node: Any, inputs: Sequence[Any], _: Surroundings) -> tuple[Any, ...]:
    return ([(count, token) for token, count in inputs[0].items()],)


def _prune(node: Any, inputs: Sequence[Any], _: Surroundings) -> tuple[Any, ...]:
    kept = _top(inputs[0], node, node.top_k, node.frequency_threshold)
    if node.key_fn:
        by_key: dict[Any, list[Any]] = collections.defaultdict(list)
        for pair in _top(inputs[0], node, None, node.coverage_frequency_threshold):
            by_key[node.key_fn(pair[1])].append(pair)
        for pairs in by_key.values():
            wanted = node.coverage_top_k
            kept += pairs if wanted is None else heapq.nlargest(wanted, pairs)
        kept = list(dict.fromkeys(kept))
    return (kept,)


def _top(pairs: Sequence[Any], node: Any, top_k: int | None, threshold: float | None) -> list[Any]:
    kept = [pair for pair in pairs if pair[0] >= threshold] if threshold else list(pairs)
    if node.input_dtype != tf.string.name:
        kept = [(count, tf.compat.as_bytes(str(token))) for count, token in kept]
    if top_k is None:
        return kept
    dummy = get_empy_vocabulary_dummy_value(node.input_dtype)
    return heapq.nlargest(top_k, kept) or [dummy]


def _write(node: Any, inputs: Sequence[Any], around: Surroundings) -> tuple[Any, ...]:
    """Writes a vocabulary, most frequent first, equals by falling token."""
    counts = list(inputs[0])
    reserved = list(inputs[1]) if len(inputs) > 1 else []
    without = frozenset(reserved)
    counts = [pair for pair in counts if pair[1] not in without]
    if node.fingerprint_shuffle:
        counts.sort(key=lambda pair: hashlib.sha1(pair[1], usedforsecurity=False).digest())
    else:
        counts.sort(reverse=True)
    counts = [(-1, token) for token in reserved] + counts
    counts = counts or [get_empy_vocabulary_dummy_value(node.input_dtype)]
    as_bytes = analyzer_impls._count_and_token_to_bytes
    lines = [
        as_bytes(count, token) if node.store_frequency else tf.compat.as_bytes(token)
        for count, token in counts
    ]
    path = f"{around.folder}/{node.vocab_filename}"
    if node.file_format == "text":
        with tf.io.gfile.GFile(path, "wb") as file:
            file.write(b"".join(line + b"\n" for line in lines))
    else:
        path += ".tfrecord.gz"
        with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
            for line in lines:
                writer.write(line)
    return (np.array(path),)


def _reserved(node: Any, _: Sequence[Any], around: Surroundings) -> tuple[Any, ...]:
    return (tf_utils.fetch_vocabulary_reserved_tokens(around.graph, node.name),)


EVALUATORS: Final[Mapping[type, Callable[[Any, Sequence[Any], Surroundings], tuple[Any, ...]]]] = {
    analyzer_nodes.CacheableCombineMerge: _extract,
    analyzer_nodes.ExtractCombineMergeOutputs: _outputs,
    analyzer_nodes.CacheableCombinePerKeyMerge: _extract_per_key,
    analyzer_nodes.CacheableCombinePerKeyFormatKeys: _format_keys,
    analyzer_nodes.CacheableCombinePerKeyFormatLarge: _format_large,
    analyzer_nodes.ScaleAndFlattenPerKeyBucketBouandaries: _join_boundaries,
    analyzer_nodes.VocabularyMerge: _swap,
    analyzer_nodes.VocabularyCount: _count_tokens,
    analyzer_nodes.VocabularyPrune: _prune,
    analyzer_nodes.VocabularyOrderAndWrite: _write,
    analyzer_nodes.ExtractVocabularyReservedTokens: _reserved,
}
"""Nodes that see what others gave; each gives one value for each of its outputs."""


def check_known(node: Any) -> None:
    """Refuses what only Beam can run.

    Raises:
      ConfigError: an analyzer that is not in the two tables.
    """
    name = str(node.label)
    if isinstance(node, analyzer_nodes.VocabularyAccumulate):
        if node.vocab_ordering_type in (Ordering.FREQUENCY, Ordering.WEIGHTED_FREQUENCY):
            return
        name = "a vocabulary that is not ordered by frequency"
    elif type(node) in ACCUMULATORS or type(node) in EVALUATORS:
        return
    raise ConfigError(
        f"the preprocessing_fn uses {name}, which the arrow engine cannot analyse: "
        "use engine: beam for Transform",
        edit="engine.components.Transform",
    )
