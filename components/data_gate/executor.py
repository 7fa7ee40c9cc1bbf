"""DistributionValidator's executor: the stock one, on histograms that can be compared."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfx.components.distribution_validator import executor
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.types import artifact_utils

from components.data_gate.histograms import align_histograms
from components.data_gate.rules import STATISTICS_FILE

KEYS = ("statistics", "baseline_statistics")


class Executor(executor.Executor):  # type: ignore[misc]  # TFX ships no types
    """Gives the stock executor copies of the statistics in which every split has the same bins."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> Any:
        """See the stock executor."""
        given = {key: input_dict[key] for key in KEYS if input_dict.get(key)}
        with tempfile.TemporaryDirectory(prefix="taxiway-statistics-") as folder:
            inputs = {**input_dict, **_aligned(given, Path(folder))}
            return super().Do(inputs, output_dict, exec_properties)


def _aligned(given: dict[str, list[Any]], folder: Path) -> dict[str, list[Any]]:
    copies: dict[str, list[Any]] = {}
    read: list[tuple[Path, Any]] = []
    for key, artifacts in given.items():
        artifact = artifact_utils.get_single_instance(artifacts)
        for split in artifact_utils.decode_split_names(artifact.split_names):
            statistics = stats_artifact_utils.load_statistics(artifact, split).proto()
            read.append((folder / key / f"Split-{split}" / STATISTICS_FILE, statistics))
        copied = copy.deepcopy(artifact)
        copied.uri = str(folder / key)
        copies[key] = [copied]
    align_histograms(_whole([statistics for _, statistics in read]))
    for path, statistics in read:
        path.parent.mkdir(parents=True)
        path.write_bytes(statistics.SerializeToString())
    return copies


def _whole(lists: Sequence[Any]) -> list[Any]:
    """Of each list the data set that is no slice, which is the one that is compared."""
    return [datasets.datasets[0] for datasets in lists if datasets.datasets]
