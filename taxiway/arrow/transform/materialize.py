"""Transformed examples: the map that writes one file for each file of raw examples."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow_transform as tft
from tensorflow_transform import impl_helper
from tensorflow_transform.saved import saved_transform_io_v2
from tfx_bsl.coders import example_coder

from taxiway.arrow.examples.reading import parsed
from taxiway.arrow.examples.writing import write_examples
from taxiway.workers.job import Shard


def materialize(graph_uri: str, targets: Mapping[str, str], job: str, shard: Shard) -> bytes:
    """Transforms a file of raw examples into one of transformed ones.

    Args:
      graph_uri: of a TransformGraph artifact.
      targets: where the examples of each file go.
      job: a `taxiway.workers.job.job_token`, for which the graph is loaded once in each process.
      shard: a file of raw examples.

    Returns:
      The number of rows, in decimal.
    """
    feature_spec, transform, converter, encoder = _load(job, graph_uri)
    rows = 0

    def batches() -> Any:
        nonlocal rows
        for batch in parsed(shard, feature_spec):
            encoded = encoder.encode(converter.convert(dict(transform(batch))))
            rows += len(encoded)
            yield encoded

    write_examples(batches(), targets[shard.uri])
    return str(rows).encode()


def total(parts: Sequence[bytes]) -> bytes:
    """All rows, in decimal."""
    return str(sum(map(int, parts))).encode()


@functools.lru_cache(maxsize=1)
def _load(job: str, graph_uri: str) -> tuple[Any, Any, Any, Any]:
    del job  # but part of the key: in another job there may be another graph at the path
    output = tft.TFTransformOutput(graph_uri)
    feature_spec = output.raw_feature_spec()
    loader = saved_transform_io_v2.SavedModelLoader(output.transform_savedmodel_dir)
    loader.finalize(sorted(feature_spec), sorted(loader.structured_outputs))
    schema = output.transformed_metadata.schema
    return (
        feature_spec,
        loader.apply_transform_model,
        impl_helper.make_tensor_to_arrow_converter(schema),
        example_coder.RecordBatchToExamplesEncoder(schema),
    )
