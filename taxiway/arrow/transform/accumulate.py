"""One pass of the analysis: the map over a shard of examples, and the merge."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cloudpickle
import tensorflow as tf
from tensorflow_transform.saved import saved_transform_io_v2

from taxiway.arrow.examples.reading import parsed
from taxiway.arrow.transform.analyzers import ACCUMULATORS
from taxiway.workers.job import Shard


@dataclass(frozen=True)
class Pass:
    """What one pass computes; `payload` is the feature spec of `columns`, and of each node, by
    label, its kind, its work (see `Accumulator`) and the names of the tensors it sees. `model` is
    in a folder whose name never comes again, for workers that outlive the run keep the graph.
    """

    model: str
    columns: tuple[str, ...]
    payload: bytes


def accumulate(one_pass: Pass, shard: Shard) -> bytes:
    """What every node of the pass makes of a shard: label to accumulated, pickled."""
    feature_spec, found, graph = _load(one_pass)
    accumulated: dict[str, Any] = dict.fromkeys(found)
    for batch in parsed(shard, feature_spec):
        values = {name: _array(value) for name, value in graph(batch).items()}
        for label, (kind, work, names) in found.items():
            arrays = [values[name] for name in names]
            accumulated[label] = ACCUMULATORS[kind].add(work, accumulated[label], arrays)
    return bytes(cloudpickle.dumps(accumulated))


def merge(one_pass: Pass, parts: Sequence[bytes]) -> bytes:
    """Merges what shards gave; one without rows counts for nothing."""
    _, found = cloudpickle.loads(one_pass.payload)
    shards = [cloudpickle.loads(part) for part in parts]
    merged = {}
    for label, (kind, work, _) in found.items():
        seen = [shard[label] for shard in shards if shard[label] is not None]
        merged[label] = ACCUMULATORS[kind].merge(work, seen)
    return bytes(cloudpickle.dumps(merged))


@functools.lru_cache(maxsize=2)
def _load(one_pass: Pass) -> tuple[Mapping[str, Any], Mapping[str, Any], Any]:
    feature_spec, found = cloudpickle.loads(one_pass.payload)
    loader = saved_transform_io_v2.SavedModelLoader(one_pass.model)
    loader.finalize(one_pass.columns, sorted({n for _, _, names in found.values() for n in names}))
    return feature_spec, found, loader.apply_transform_model


def _array(value: Any) -> Any:
    """As tf.Transform gives it to analyzers on Beam."""
    return value.numpy() if isinstance(value, tf.Tensor) else value
