"""TensorBoard gets the curves and a readable confusion matrix of every epoch."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("pipeline")]

COUNTS = np.array([[3_000, 1_000], [1, 0]])


@pytest.fixture(scope="module")
def model_run(trained: Any) -> Path:
    folder: Path = trained.folder("Trainer", "model_run")
    return folder


def summaries(folder: Path) -> dict[str, dict[int, Any]]:
    """What the event files of a folder hold: by tag and step."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return {
        tag: {event.step: event.tensor_proto for event in events.Tensors(tag)}
        for tag in events.Tags()["tensors"]
    }


def test_loss_and_auc_of_both_parts_are_written_every_epoch(trained: Any, model_run: Path) -> None:
    import tensorflow as tf

    epochs = trained.config.model.hyperparameters.epochs
    for part in ("train", "validation"):
        found = summaries(model_run / part)
        for tag in ("epoch_loss", "epoch_auc"):
            assert set(found[tag]) <= set(range(epochs))
            assert len(found[tag]) >= 2
            values = [float(tf.make_ndarray(tensor)) for tensor in found[tag].values()]
            assert np.isfinite(values).all()
    last = max(found["epoch_auc"])
    assert float(tf.make_ndarray(found["epoch_auc"][last])) > 0.6


def test_a_confusion_matrix_is_drawn_every_epoch(model_run: Path) -> None:
    from matplotlib.image import imread

    epochs = set(summaries(model_run / "train")["epoch_loss"])
    images = summaries(model_run / "confusion_matrix")["confusion_matrix"]
    assert set(images) == epochs
    for tensor in images.values():
        width, height, png = tensor.string_val
        image = imread(io.BytesIO(png), format="png")
        assert image.shape[:2] == (int(height), int(width)) == (400, 400)
        assert image.std() > 0.1  # more than one shade


def test_rows_are_the_true_class_and_columns_the_predicted_one() -> None:
    from taxiway.modeling.training.tensorboard import confusion_counts

    labels = np.array([0, 0, 0, 1, 1, 0], np.int64)
    predicted = np.array([False, True, True, True, False, True])
    assert confusion_counts(labels, predicted, 2).tolist() == [[1, 3], [1, 1]]
    assert confusion_counts(labels[:0], predicted[:0], 2).tolist() == [[0, 0], [0, 0]]


def test_the_matrix_is_labelled_and_tells_counts_and_shares_of_the_row() -> None:
    from taxiway.modeling.training.tensorboard import confusion_figure

    (axes,) = confusion_figure(COUNTS, ("0", "1")).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    assert axes.get_title() == "Confusion matrix"
    for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [tick.get_text() for tick in ticks] == ["0", "1"]
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {
        (0, 0): "3,000\n75.0%",
        (1, 0): "1,000\n25.0%",
        (0, 1): "1\n100.0%",
        (1, 1): "0\n0.0%",
    }


def test_the_figures_stand_out_from_their_cells() -> None:
    from taxiway.modeling.training.tensorboard import confusion_figure

    (axes,) = confusion_figure(COUNTS, ("0", "1")).axes
    colours = {text.get_position(): text.get_color() for text in axes.texts}
    assert colours == {(0, 0): "white", (1, 0): "black", (0, 1): "white", (1, 1): "black"}


def test_a_class_that_never_occurs_has_no_share() -> None:
    from taxiway.modeling.training.tensorboard import confusion_figure

    (axes,) = confusion_figure(np.array([[4, 0], [0, 0]]), ("0", "1")).axes
    assert [text.get_text() for text in axes.texts] == [
        *("4\n100.0%", "0\n0.0%", "0\n0.0%", "0\n0.0%")
    ]


def test_the_drawing_fits_its_image() -> None:
    from taxiway.modeling.training.tensorboard import draw_confusion

    image = draw_confusion(np.array([[123_456_789, 10_415], [3_209, 8_764]]), ("0", "1"))
    assert (image.shape, image.dtype) == ((400, 400, 4), np.uint8)
    ink = (image[..., :3] < 128).any(axis=2)
    assert not ink[[0, -1]].any()
    assert not ink[:, [0, -1]].any()
