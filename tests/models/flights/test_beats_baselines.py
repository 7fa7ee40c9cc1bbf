"""On whole months of real flights the model ranks better than the usual baselines."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.flights.export import export
from models.flights.features import SPEC
from taxiway.config.loader import load_config
from taxiway.config.model import Hyperparameters
from taxiway.modeling.spec import Categorical
from taxiway.modeling.spec.columns import transformed_name
from taxiway.testing.run import ModelRun

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.one_stack,
    pytest.mark.xdist_group("model"),
]

MODEL = "smoke"
LEARN, JUDGE = (3, 4, 5), 6
BATCH = 8192


@pytest.fixture(scope="module")
def months(model_run: ModelRun, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Every flight of some months, transformed by the graph of the run."""
    import tensorflow as tf

    from taxiway.modeling.training.dataset import Rows

    spans = [*LEARN, JUDGE]
    root = tmp_path_factory.mktemp("months")
    config = load_config(assignments=[f"output.root={root}", f"data.export.spans={spans}"])
    assert config.data.export.keep_fraction == 1.0
    export(config)
    layer = model_run.transform_output.transform_features_layer()
    raw_spec = model_run.transform_output.raw_feature_spec()

    def transformed(table: pa.Table) -> dict[str, np.ndarray]:
        raw = {
            name: sparse(table[name], feature.dtype)
            for name, feature in raw_spec.items()
            if name in table.column_names
        }
        return {name: np.asarray(tf.convert_to_tensor(v)) for name, v in layer(raw).items()}

    def read(numbers: Sequence[int]) -> Any:
        files = [f"{config.data.root}/span-{number}/flights.parquet" for number in numbers]
        table = pa.concat_tables([pq.read_table(file) for file in files]).combine_chunks()
        parts = [transformed(table.slice(at, BATCH)) for at in range(0, len(table), BATCH)]
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        labels = columns.pop(SPEC.label)
        wide = {n: v.reshape(-1, 1) if v.ndim == 1 else v for n, v in columns.items()}
        return Rows(wide, labels)

    return read


def sparse(column: Any, dtype: Any) -> Any:
    """An Arrow column as the sparse tensor that tf.Examples are parsed into."""
    import tensorflow as tf

    known = np.flatnonzero(column.is_valid().to_numpy())
    values = column.drop_null().to_pylist()
    indices = np.stack([known, np.zeros_like(known)], axis=1)
    return tf.SparseTensor(indices, tf.constant(values, dtype), [len(column), 1])


def flat(rows: Any) -> np.ndarray:
    """What the network sees, as one matrix: the index of an embedding becomes one-hot."""
    parts = dict(rows.columns)
    for column in SPEC.columns:
        if isinstance(column, Categorical) and column.encoding == "embedding":
            index = parts[transformed_name(column)].reshape(-1)
            parts[transformed_name(column)] = np.eye(column.width, dtype=np.float32)[index]
    return np.concatenate([parts[name] for name in sorted(parts)], axis=1)


def test_the_model_beats_the_base_rate_and_a_logistic_regression(
    months: Callable[..., Any],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss, roc_auc_score

    from taxiway.modeling.tasks import labels_of
    from taxiway.modeling.training.trainer import train

    learn, judge = months(LEARN), months([JUDGE])
    assert len(learn) > 80_000
    assert len(judge) > 25_000
    hyperparameters = load_config().model.hyperparameters
    labels = labels_of(SPEC.task, lambda _: [])

    def trained_with(chosen: Hyperparameters) -> np.ndarray:
        network, head = train(SPEC, labels, chosen, [learn], tmp_path)
        logit = network.predict(judge.columns, batch_size=BATCH, verbose=0).reshape(-1)
        logit += head.logit_shift
        return np.asarray(1 / (1 + np.exp(-logit.astype(np.float64))))

    regression = LogisticRegression(max_iter=1000)
    regression.fit(flat(learn), learn.labels)
    by_regression = regression.predict_proba(flat(judge))[:, 1]
    constant = np.full(len(judge), learn.labels.mean())

    figures: dict[str, float] = {}
    for name, found in (
        ("network", trained_with(hyperparameters)),
        ("defaults", trained_with(Hyperparameters())),
        ("logistic_regression", by_regression),
        ("base_rate", constant),
    ):
        figures[f"{name}_auc"] = float(roc_auc_score(judge.labels, found))
        figures[f"{name}_log_loss"] = float(log_loss(judge.labels, found))
    told = ", ".join(f"{name} {figure:.4f}" for name, figure in figures.items())
    for name, figure in figures.items():
        assert math.isfinite(figure)
        record_property(name, figure)
    sys.stdout.write(f"{told}\n")

    assert figures["network_auc"] > figures["logistic_regression_auc"], told
    assert figures["defaults_auc"] > figures["logistic_regression_auc"] - 0.01, told
    assert figures["network_auc"] > figures["base_rate_auc"] + 0.2, told
    assert figures["network_log_loss"] < figures["base_rate_log_loss"], told
