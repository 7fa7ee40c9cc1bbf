"""A small JSON file beside an artifact, on this machine or where TensorFlow opens it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any


def write_json(path: str, value: Any) -> None:
    """Writes a value of JSON's own kinds."""
    text = json.dumps(value, indent=1)
    if "://" not in path:
        Path(path).write_text(text, encoding="utf-8")
        return
    import tensorflow as tf

    with tf.io.gfile.GFile(path, "w") as file:
        file.write(text)


def read_json(path: str) -> Any:
    """What a file holds; None where there is none, or it is not whole."""
    try:
        text = _text(path)
        return None if text is None else json.loads(text)
    except (OSError, ValueError) as error:
        logging.warning("%s cannot be read: %s", path, error)
        return None


def _text(path: str) -> str | None:
    if "://" not in path:
        local = Path(path)
        return local.read_text(encoding="utf-8") if local.is_file() else None
    import tensorflow as tf

    return str(tf.io.gfile.GFile(path).read()) if tf.io.gfile.exists(path) else None
