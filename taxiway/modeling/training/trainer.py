"""The Trainer's run_fn: hyperparameters and transformed examples in, a SavedModel out."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import keras
import tensorflow as tf
import tensorflow_transform as tft

from taxiway.config.model import Hyperparameters, hyperparameters_class
from taxiway.modeling.exported.signatures import ServedModel
from taxiway.modeling.folder import load_part
from taxiway.modeling.spec import FeatureSpec, load_spec
from taxiway.modeling.training.buckets import bucket_count, row_folder
from taxiway.modeling.training.dataset import Rows, Stored, find_files, read_rows, store_rows
from taxiway.modeling.training.epochs import EpochsDone
from taxiway.modeling.training.interrupts import between_batches
from taxiway.modeling.training.network import build_network as build_default
from taxiway.modeling.training.tensorboard import ConfusionMatrix

BuildNetwork = Callable[..., Any]
"""From a FeatureSpec, hyperparameters and `initial_logit` to a Keras model that gives a logit."""

STEPS_PER_CALL: Final = 16
"""Batches for each call of TensorFlow, which costs as much as a small batch takes."""


def run_fn(fn_args: Any) -> None:
    """TFX's entry point; see `train` for what it learns and how."""
    module = fn_args.custom_config["module"]
    spec = load_spec(module)
    hyperparameters = hyperparameters_class(module).model_validate(fn_args.hyperparameters)
    build_network = load_part(module, "network")
    transform_output = tft.TFTransformOutput(fn_args.transform_graph_path)
    files = find_files(fn_args.train_files)
    # With `transform.materialize: false` the files hold raw rows, and the graph is applied here.
    if fn_args.custom_config.get("materialized", True):
        rows = read_rows(files, transform_output.transformed_feature_spec(), spec.label)
    else:
        graph = tf.saved_model.load(transform_output.transform_savedmodel_dir)
        rows = read_rows(files, transform_output.raw_feature_spec(), spec.label, graph.transform_fn)
    network, logit_shift = train(
        spec, hyperparameters, rows, fn_args.model_run_dir, bucket_count(files), build_network
    )
    # An optimizer's slots would triple what is served; a network never compiled has none.
    serving = build_network(spec, hyperparameters)
    serving.set_weights(network.get_weights())
    served = ServedModel(
        spec,
        transform_output.transform_savedmodel_dir,
        transform_output.raw_feature_spec(),
        serving,
        logit_shift,
    )
    served.save(fn_args.serving_model_dir)


def train(
    spec: FeatureSpec,
    hyperparameters: Hyperparameters,
    rows: Iterable[Rows],
    log_folder: str | Path,
    buckets: int = 1,
    build_network: BuildNetwork = build_default,
) -> tuple[Any, float]:
    """Trains with early stopping on rows held out of the train split.

    Late flights are the smaller class, so each weighs `positive_weight` times. That multiplies the
    odds the network learns by the weight; subtracting its logarithm from the logit gives the true
    odds back, and so probabilities stay calibrated (Elkan, "The Foundations of Cost-Sensitive
    Learning", IJCAI 2001, theorem 2).

    Args:
      spec: roles of the columns.
      hyperparameters: sizes, rates and seed.
      rows: the train split, in blocks.
      log_folder: for TensorBoard, and for the rows as long as this takes.
      buckets: files that rows are shuffled through; see `taxiway.modeling.training.dataset`.
      build_network: of the model's folder, or the default one.

    Returns:
      The network, and what to add to its logit.

    Raises:
      DataError: see `taxiway.modeling.training.dataset.store_rows`.
    """
    keras.utils.set_random_seed(hyperparameters.seed)
    tf.config.experimental.enable_op_determinism()
    output = os.fspath(log_folder)
    with row_folder(output) as folder:
        stored = store_rows(
            rows, folder, hyperparameters.validation_fraction, hyperparameters.seed, buckets
        )
        return _fit(spec, hyperparameters, stored, output, build_network)


def _fit(
    spec: FeatureSpec,
    hyperparameters: Hyperparameters,
    rows: Stored,
    log_folder: str,
    build_network: BuildNetwork,
) -> tuple[Any, float]:
    rate = rows.positive_rate
    weight = positive_weight(hyperparameters, rate)
    network = build_network(
        spec, hyperparameters, initial_logit=math.log(weight * rate / (1.0 - rate))
    )
    network.compile(
        optimizer=keras.optimizers.Adam(hyperparameters.learning_rate),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.AUC(name="auc", from_logits=True)],
        steps_per_execution=STEPS_PER_CALL,
    )
    with between_batches() as interrupts:
        network.fit(
            rows.batches(hyperparameters.batch_size, weight),
            shuffle=False,  # done already, and Keras 3.13 warns
            validation_data=rows.watched_batches(weight),
            epochs=hyperparameters.epochs,
            verbose=0,
            callbacks=[
                interrupts,
                EpochsDone(hyperparameters.epochs),
                keras.callbacks.EarlyStopping(
                    monitor="val_loss",
                    patience=hyperparameters.early_stopping_patience,
                    restore_best_weights=True,
                ),
                keras.callbacks.TensorBoard(log_dir=log_folder, write_graph=False),
                ConfusionMatrix(rows.watched, log_folder, threshold_logit=0.0),
            ],
        )
    return network, -math.log(weight)


def positive_weight(hyperparameters: Hyperparameters, positive_rate: float) -> float:
    """How much a positive row weighs; `balanced` gives both classes the same total weight."""
    if hyperparameters.positive_weight == "balanced":
        return max(1.0, (1.0 - positive_rate) / positive_rate)
    return float(hyperparameters.positive_weight)
