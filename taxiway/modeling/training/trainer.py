"""The Trainer's run_fn: hyperparameters and transformed examples in, a SavedModel out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import keras
import tensorflow as tf
import tensorflow_transform as tft

from taxiway.config.model import Hyperparameters, hyperparameters_class
from taxiway.modeling.curves import write_curves
from taxiway.modeling.exported.signatures import ServedModel
from taxiway.modeling.folder import load_part
from taxiway.modeling.spec import FeatureSpec, load_spec
from taxiway.modeling.tasks import Head, Labels, labels_of
from taxiway.modeling.training.buckets import bucket_count, row_folder
from taxiway.modeling.training.dataset import Rows, Stored, find_files, read_rows, store_rows
from taxiway.modeling.training.epochs import EpochsDone
from taxiway.modeling.training.interrupts import between_batches
from taxiway.modeling.training.network import build_network as build_default
from taxiway.modeling.training.schedule import schedule_for
from taxiway.modeling.training.tensorboard import ConfusionMatrix

BuildNetwork = Callable[..., Any]
"""From a FeatureSpec, hyperparameters and `initial_logit` to a Keras model that gives logits."""

STEPS_PER_CALL: Final = 16
"""Batches for each call of TensorFlow, which costs as much as a small batch takes."""
MOST_PICTURES: Final = 25
"""Confusion matrices of a training; drawing one takes as long as an epoch of a small one."""


def run_fn(fn_args: Any) -> None:
    """TFX's entry point; see `train` for what it learns and how."""
    module = fn_args.custom_config["module"]
    spec = load_spec(module)
    hyperparameters = hyperparameters_class(module).model_validate(fn_args.hyperparameters)
    build_network = load_part(module, "network")
    transform_output = tft.TFTransformOutput(fn_args.transform_graph_path)
    labels = labels_of(spec.task, transform_output.vocabulary_by_name)
    files = find_files(fn_args.train_files)
    # With `transform.materialize: false` the files hold raw rows, and the graph is applied here.
    if fn_args.custom_config.get("materialized", True):
        rows = read_rows(files, transform_output.transformed_feature_spec(), labels)
    else:
        graph = tf.saved_model.load(transform_output.transform_savedmodel_dir)
        rows = read_rows(files, transform_output.raw_feature_spec(), labels, graph.transform_fn)
    network, head = train(
        spec,
        labels,
        hyperparameters,
        rows,
        fn_args.model_run_dir,
        bucket_count(files),
        build_network,
    )
    # An optimizer's slots would triple what is served; a network never compiled has none.
    serving = build_network(spec, hyperparameters, initial_logit=head.initial_logit)
    serving.set_weights(network.get_weights())
    served = ServedModel(
        spec,
        labels,
        transform_output.transform_savedmodel_dir,
        transform_output.raw_feature_spec(),
        serving,
        head,
    )
    served.save(fn_args.serving_model_dir)


def train(
    spec: FeatureSpec,
    labels: Labels,
    hyperparameters: Hyperparameters,
    rows: Iterable[Rows],
    log_folder: str | Path,
    buckets: int = 1,
    build_network: BuildNetwork = build_default,
) -> tuple[Any, Head]:
    """Trains with early stopping on rows held out of the train split.

    Args:
      spec: roles of the columns.
      labels: what those of the rows are.
      hyperparameters: sizes, rates and seed.
      rows: the train split, in blocks.
      log_folder: for TensorBoard, and for the rows as long as this takes.
      buckets: files that rows are shuffled through; see `taxiway.modeling.training.dataset`.
      build_network: of the model's folder, or the default one.

    Returns:
      The network, and what makes answers of its logits.

    Raises:
      DataError: see `taxiway.modeling.training.dataset.store_rows`.
    """
    keras.utils.set_random_seed(hyperparameters.seed)
    tf.config.experimental.enable_op_determinism()
    output = os.fspath(log_folder)
    fraction, seed = hyperparameters.validation_fraction, hyperparameters.seed
    with row_folder(output) as folder:
        stored = store_rows(rows, labels, folder, fraction, seed, buckets)
        head = labels.kind.head(labels.classes, stored.learned, hyperparameters)
        network = build_network(spec, hyperparameters, initial_logit=head.initial_logit)
        _fit(network, head, hyperparameters, stored, output)
        return network, head


def _fit(
    network: Any, head: Head, hyperparameters: Hyperparameters, rows: Stored, log_folder: str
) -> None:
    schedule = schedule_for(hyperparameters, rows.size)
    network.compile(
        optimizer=keras.optimizers.Adam(schedule.learning_rate),
        loss=head.loss(),
        weighted_metrics=[head.metric()],
        steps_per_execution=STEPS_PER_CALL,
    )
    every = -(-schedule.epochs // MOST_PICTURES)
    pictures = [ConfusionMatrix(rows.watched, log_folder, head, every)] if head.classes else []
    with between_batches() as interrupts:
        history = network.fit(
            rows.batches(schedule.batch_size, head),
            shuffle=False,  # done already, and Keras 3.13 warns
            validation_data=rows.watched_batches(head),
            epochs=schedule.epochs,
            verbose=0,
            callbacks=[
                interrupts,
                EpochsDone(schedule.epochs),
                keras.callbacks.EarlyStopping(
                    monitor="val_loss", patience=schedule.patience, restore_best_weights=True
                ),
                keras.callbacks.TensorBoard(log_dir=log_folder, write_graph=False),
                *pictures,
            ],
        )
    write_curves(log_folder, history.history)
