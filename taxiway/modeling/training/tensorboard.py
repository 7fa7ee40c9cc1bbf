"""What TensorBoard shows beside the curves: a confusion matrix drawn after each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from taxiway.modeling.training.dataset import Rows


class ConfusionMatrix(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Writes an image summary of true against predicted class on the watched rows.

    `watched` gives those rows, in blocks. A logit above `threshold_logit` counts as positive.
    """

    def __init__(
        self, watched: Callable[[], Iterable[Rows]], folder: str, threshold_logit: float
    ) -> None:
        super().__init__()
        self._watched = watched
        self._threshold = threshold_logit
        self._writer = tf.summary.create_file_writer(f"{folder}/confusion_matrix")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002  # Keras passes it
        """Keras calls this after each epoch."""
        counts = np.zeros((2, 2), np.int64)
        for rows in self._watched():
            logits = np.asarray(self.model.predict_on_batch(rows.columns)).reshape(-1)
            counts += confusion_counts(rows.labels, logits > self._threshold)
        with self._writer.as_default(step=epoch):
            tf.summary.image("confusion_matrix", draw_confusion(counts)[np.newaxis])
        self._writer.flush()


def confusion_counts(
    labels: npt.NDArray[Any], predicted: npt.NDArray[Any]
) -> npt.NDArray[np.int64]:
    """Counts [2, 2]: rows are the true class, columns the predicted one."""
    index = labels.astype(np.int64) * 2 + predicted.astype(np.int64)
    return np.bincount(index, minlength=4).reshape(2, 2).astype(np.int64)


def confusion_figure(counts: npt.NDArray[np.int64]) -> Figure:
    """The matrix drawn, each cell with its count and its share of its row."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(4, 4), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    names = ("negative (0)", "positive (1)")
    axes.set(xlabel="predicted class", ylabel="true class", title="Confusion matrix")
    axes.set_xticks(range(2), names)
    axes.set_yticks(range(2), names, rotation=90, va="center")
    for row in range(2):
        for column in range(2):
            share = shares[row, column]
            axes.text(
                column,
                row,
                f"{counts[row, column]:,}\n{share:.1%}",
                ha="center",
                va="center",
                color="white" if share > 0.5 else "black",
            )
    return figure


def draw_confusion(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """`confusion_figure` as an RGBA image [H, W, 4]."""
    canvas: Any = FigureCanvasAgg(confusion_figure(counts))
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())
