"""Finds what a run of either side left behind, and counts the rows in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from taxiway.errors import DataError
from taxiway.metadata.connection import SqliteMetadata
from taxiway.metadata.records import ArtifactRecord
from taxiway.metadata.store import RUN_CONTEXT, run_store
from taxiway.modeling.names import EVAL_SPLIT, TRAIN_SPLIT

EXIT_RUN: Final = "-exit"
"""Ends the id of the run of an exit handler, which makes nothing that is compared."""
GZIP_MAGIC: Final = b"\x1f\x8b\x08"
SPLITS: Final = (TRAIN_SPLIT, EVAL_SPLIT)
COUNT_BATCH: Final = 8192


@dataclass(frozen=True)
class Made:
    """Every output of one run, by node and output key."""

    metadata: str
    outputs: Mapping[str, Mapping[str, ArtifactRecord]]

    def find(self, key: str, node: str = "") -> ArtifactRecord:
        """The one output under a key, of any node or of the one that is named.

        Raises:
          DataError: the run made none, or more than one.
        """
        found = [
            outputs[key]
            for name, outputs in self.outputs.items()
            if key in outputs and node in ("", name)
        ]
        if len(found) != 1:
            raise DataError(
                f"the run in {self.metadata} made {len(found)} outputs named '{key}', expected 1",
                edit="benchmarks/artifacts.py, or look into the run's log",
            )
        return found[0]

    def artifact(self, record: ArtifactRecord) -> Any:
        """An artifact as TFX hands it to executors, with all its properties."""
        from tfx.types import artifact_utils

        store = run_store(SqliteMetadata(kind="sqlite", path=self.metadata)).mlmd
        (artifact,) = store.get_artifacts_by_id([record.id])
        return artifact_utils.deserialize_artifact(store.get_artifact_type(record.type), artifact)


def made_by(metadata: Path) -> Made:
    """What the only run in a metadata store made.

    Raises:
      DataError: the store holds no run, or several.
    """
    runs = run_store(SqliteMetadata(kind="sqlite", path=str(metadata)))
    names = [context.name for context in runs.mlmd.get_contexts_by_type(RUN_CONTEXT)]
    ids = [name for name in names if not name.endswith(EXIT_RUN)]
    if len(ids) != 1:
        raise DataError(
            f"{metadata} holds {len(ids)} runs, expected 1: each run of the benchmark has a "
            "folder of its own",
            edit="--root",
        )
    outputs = {
        node.node_id: {key: found[0] for key, found in node.outputs.items() if found}
        for node in runs.nodes(ids[0])
    }
    return Made(str(metadata), outputs)


def split_files(uri: str, split: str) -> list[str]:
    """The files of a split, sorted; none where there is no such split."""
    folder = Path(uri) / f"Split-{split}"
    return sorted(str(path) for path in folder.glob("*") if path.is_file())


def rows_out(made: Made) -> dict[str, dict[str, int]]:
    """Rows that each node put out, by split, counted in the files themselves."""
    counted: dict[str, dict[str, int]] = {}
    for node, outputs in made.outputs.items():
        for key, record in outputs.items():
            count = COUNTERS.get(key)
            if count is None:
                continue
            rows = count(record.uri)
            if rows:
                counted[node] = rows
    return counted


def read_statistics(uri: str, split: str) -> Any:
    """The statistics of one split, a `DatasetFeatureStatistics`.

    Raises:
      DataError: the file is not there, or is of another kind.
    """
    from google.protobuf.message import DecodeError
    from tensorflow_metadata.proto.v0 import statistics_pb2

    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    path = Path(uri) / f"Split-{split}" / "FeatureStats.pb"
    try:
        statistics.ParseFromString(path.read_bytes())
        (dataset,) = statistics.datasets
    except (OSError, DecodeError, ValueError) as error:
        raise DataError(
            f"{path} does not hold the statistics of one split: {error}",
            edit="look into the run's log",
        ) from error
    return dataset


def compression(files: Sequence[str]) -> str:
    """How TFRecord files are compressed, as TensorFlow names it, from their first bytes."""
    for name in files:
        with Path(name).open("rb") as file:
            if file.read(len(GZIP_MAGIC)) == GZIP_MAGIC:
                return "GZIP"
    return ""


def _count_records(uri: str) -> dict[str, int]:
    import tensorflow as tf

    rows = {}
    for split in SPLITS:
        files = split_files(uri, split)
        if files:
            records = tf.data.TFRecordDataset(files, compression_type=compression(files))
            counts = records.batch(COUNT_BATCH).map(tf.size)
            rows[split] = sum(int(count) for count in counts.as_numpy_iterator())
    return rows


def _count_described(uri: str) -> dict[str, int]:
    return {split: int(read_statistics(uri, split).num_examples) for split in SPLITS}


def _count_evaluated(uri: str) -> dict[str, int]:
    from taxiway.evaluation.results import OVERALL, read_metrics

    whole = {found.name: found.metrics for found in read_metrics(uri)}[OVERALL]
    return {"eval": int(whole["example_count"])}


COUNTERS: Final = {
    "examples": _count_records,
    "transformed_examples": _count_records,
    "statistics": _count_described,
    "evaluation": _count_evaluated,
}
