"""Trains a model on rows that a test chooses, as the Trainer of its pipeline would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from taxiway.modeling.folder import load_part
from taxiway.testing.answers import Served
from taxiway.testing.run import ModelRun

BY_HEART: Final[Mapping[str, Any]] = {
    "hidden_units": [64, 64],
    "dropout": 0.0,
    "l2": 0.0,
    "learning_rate": 0.005,
    "batch_size": 20,
    "epochs": 60,
    "early_stopping_patience": 60,
}
"""Hyperparameters with which a network learns a few rows, as far as the model has them."""
SHORT: Final[Mapping[str, Any]] = {"epochs": 1, "learning_rate": 0.001}


def train_on(
    run: ModelRun, examples: Sequence[bytes], folder: Path, hyperparameters: Mapping[str, Any]
) -> Served:
    """The model that these examples make.

    Args:
      run: whose transform graph and code are used.
      examples: serialized tf.Examples, raw.
      folder: an empty one.
      hyperparameters: in the place of the config's; what the model has no such field for is not.
    """
    import tensorflow as tf

    model = run.config.model
    (folder / "examples").mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "examples" / "rows.gz"), "GZIP") as writer:
        for example in examples:
            writer.write(example)
    files = [f"{folder}/examples/*"]
    values = model.hyperparameters.model_dump(mode="json")
    values |= {name: value for name, value in hyperparameters.items() if name in values}
    arguments = SimpleNamespace(  # as TFX's FnArgs
        train_files=files,
        eval_files=files,
        train_steps=None,
        eval_steps=None,
        base_model=None,
        schema_path=run.schema_file,
        transform_graph_path=str(run.transform_graph),
        transform_output=str(run.transform_graph),
        serving_model_dir=str(folder / "model"),
        model_run_dir=str(folder / "run"),
        hyperparameters=values,
        custom_config={
            "module": model.module,
            "code_digest": model.code_digest,
            "materialized": False,
        },
    )
    load_part(model.module, "training")(arguments)
    return Served(folder / "model")
