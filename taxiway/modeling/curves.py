"""The curves of a training: each metric by epoch, in a file beside TensorBoard's logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from taxiway.process.json_file import read_json, write_json

CURVES_FILE: Final = "curves.json"
"""In the folder of a ModelRun artifact."""


def write_curves(folder: str, curves: Mapping[str, Sequence[float]]) -> None:
    """Writes the values of each metric, one for each epoch.

    Args:
      folder: of the logs; on this machine or in a bucket.
      curves: by metric (`loss`, `val_loss`, `auc`, ...).
    """
    plain = {name: [float(value) for value in values] for name, values in curves.items()}
    write_json(f"{folder}/{CURVES_FILE}", plain)


def read_curves(folder: str) -> dict[str, tuple[float, ...]]:
    """What `write_curves` wrote; empty where there is none, as where a folder trains its own way.

    Args:
      folder: of the logs.
    """
    values = read_json(f"{folder}/{CURVES_FILE}")
    if not isinstance(values, dict):
        return {}
    return {str(name): tuple(map(float, curve)) for name, curve in values.items()}
