"""An evaluation from examples and models to TFMA's files; knows TFMA but not TFX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from taxiway.arrow.evaluator.plan import plan
from taxiway.arrow.evaluator.results import sliced
from taxiway.arrow.evaluator.shard import merge_shards, sum_shard
from taxiway.arrow.evaluator.sums import Sums
from taxiway.arrow.evaluator.write import write_results
from taxiway.errors import DataError
from taxiway.workers import active
from taxiway.workers.job import Shard, job_token

PREDICTING_CORES: Final = 2
"""TensorFlow keeps about so many busy while it predicts; drawing replicates keeps one."""


def evaluate(
    files: Sequence[str], eval_config: Any, model_paths: Mapping[str, str], folder: str
) -> Any:
    """Evaluates models on files of examples and writes what TFMA would.

    Args:
      files: TFRecord files of tf.Examples, gzipped or not.
      eval_config: with TFMA's defaults filled in.
      model_paths: SavedModels by the name of their model spec.
      folder: to write to.

    Returns:
      TFMA's ValidationResult.

    Raises:
      ConfigError: the arrow engine cannot compute what is asked for.
      DataError: there is nothing to evaluate, or rows that cannot be.
    """
    if not files:
        raise DataError("there are no files to evaluate", edit="data.split")
    planned = plan(eval_config)
    settings = planned.settings(model_paths)
    data = active.run(
        partial(sum_shard, settings=settings, job=job_token()),
        [Shard(uri) for uri in files],
        partial(merge_shards, settings=settings),
        "Evaluator",
        own_cores=1 if settings.replicates else PREDICTING_CORES,
    )
    sums = Sums.from_bytes(data, settings.measures, settings.replicates)
    return write_results(folder, eval_config, sliced(planned, sums), model_paths)
