"""What TensorBoard shows beside the curves: a confusion matrix drawn after each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from taxiway.modeling.tasks import Head
from taxiway.modeling.training.dataset import Rows

MOST_NAMED: Final = 20
"""Classes whose names and counts have room."""


class ConfusionMatrix(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Writes an image summary of true against predicted class on the watched rows.

    `watched` gives those rows, in blocks, and `head` says what the logits of each mean. A picture
    is drawn after every `every`-th epoch.
    """

    def __init__(
        self, watched: Callable[[], Iterable[Rows]], folder: str, head: Head, every: int = 1
    ) -> None:
        super().__init__()
        self._watched = watched
        self._head = head
        self._every = every
        self._writer = tf.summary.create_file_writer(f"{folder}/confusion_matrix")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002  # Keras passes it
        """Keras calls this after each epoch, counted from 0."""
        if (epoch + 1) % self._every:
            return
        classes = self._head.classes
        counts = np.zeros((len(classes), len(classes)), np.int64)
        for rows in self._watched():
            logits = np.asarray(self.model.predict_on_batch(rows.columns))
            counts += confusion_counts(rows.labels, self._head.predicted(logits), len(classes))
        with self._writer.as_default(step=epoch):
            tf.summary.image("confusion_matrix", draw_confusion(counts, classes)[np.newaxis])
        self._writer.flush()


def confusion_counts(
    labels: npt.NDArray[Any], predicted: npt.NDArray[Any], classes: int
) -> npt.NDArray[np.int64]:
    """Counts [K, K]: rows are the true class, columns the predicted one."""
    index = labels.astype(np.int64) * classes + predicted.astype(np.int64)
    counts = np.bincount(index, minlength=classes**2).reshape(classes, classes)
    return counts.astype(np.int64)


def confusion_figure(counts: npt.NDArray[np.int64], classes: Sequence[str]) -> Figure:
    """The matrix drawn, each cell with its count and its share of its row.

    Of more than MOST_NAMED classes it has the colours alone.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = min(12.0, max(4.0, 1.2 + 0.8 * len(classes)))
    figure = Figure(figsize=(size, size), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    axes.set(xlabel="predicted class", ylabel="true class", title="Confusion matrix")
    if len(classes) > MOST_NAMED:
        return figure
    names = [name if len(name) <= 12 else f"{name[:11]}…" for name in classes]
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names, rotation=90, va="center")
    for row, column in np.ndindex(counts.shape):
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


def draw_confusion(counts: npt.NDArray[np.int64], classes: Sequence[str]) -> npt.NDArray[np.uint8]:
    """`confusion_figure` as an RGBA image [H, W, 4]."""
    canvas: Any = FigureCanvasAgg(confusion_figure(counts, classes))
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())
