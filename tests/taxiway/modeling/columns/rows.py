"""Raw rows for those columns: ordinary ones to learn from, and awkward values for each kind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.taxiway.modeling.columns.features import SPEC

KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("real", "amount", "skewed", "share"), "FLOAT"),
    **dict.fromkeys(("y", "whole", "code", "flag", "ids", "seconds", "millis"), "INT"),
    **dict.fromkeys(("id", "word", "tags", "joined", "when", "then", "words", "prose"), "BYTES"),
}
LISTS: Final = SPEC.lists()
SCHEMA: Final = "".join(
    f'feature {{ name: "{name}" type: {kind} '
    f"value_count {{ min: 0 max: {99 if name in LISTS else 1} }} }}\n"
    for name, kind in KINDS.items()
)
Row = Mapping[str, Any]
WORDS: Final = ("Zürich", "東京", "plain", "naïve", "two words", "🛬", "rare")
SHARDS: Final = (150, 1, 90)
CONDITIONS: Final[Mapping[str, Mapping[str, Sequence[Any]]]] = {
    "missing": {"FLOAT": [None], "INT": [None], "BYTES": [None]},
    "empty": {"FLOAT": [()], "INT": [()], "BYTES": ["", ()]},
    "NaN": {"FLOAT": [math.nan], "INT": [], "BYTES": ["NaN", "nan"]},
    "infinite": {"FLOAT": [math.inf, -math.inf], "INT": [], "BYTES": ["inf"]},
    "unseen": {"FLOAT": [123.5], "INT": [77, -1], "BYTES": ["unheard of", "2013-02-30", "x|y|z"]},
    "extreme": {
        "FLOAT": [3.4e38, -3.4e38, 1e-45, -0.0],
        "INT": [2**24 + 1, 2**53 - 1, 1 - 2**53, 0],
        "BYTES": ["a" * 10_000, "word " * 3_000, "|" * 500, "9999-12-31T23:59:60Z", "0000-01-01"],
    },
    "beyond JSON": {"FLOAT": [], "INT": [2**63 - 1, -(2**63), 2**53 + 1], "BYTES": [b"\xff\xfe"]},
    "not ASCII": {
        "FLOAT": [],
        "INT": [],
        "BYTES": [
            "Zürich|東京",
            "ÉCOLE naïve",
            "🛬",
            "\uff12\uff10\uff11\uff13-01-01",
            "\n\t\x00\x1f",
        ],
    },
}
"""By what is awkward, and by the type of the column."""


def ordinary(count: int, seed: int) -> list[Row]:
    """Rows to learn from; about one value in eight is missing."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        some = [WORDS[index] for index in random.zipf(1.6, 4) % len(WORDS)]
        moment = datetime(2013, 1, 1, tzinfo=timezone.utc) + timedelta(
            seconds=int(random.integers(0, 3 * 365 * 86_400))
        )
        row = {
            "real": float(random.normal()),
            "amount": float(np.float32(random.lognormal(2, 2))) * (-1) ** number,
            "skewed": float(random.standard_cauchy()),
            "share": float(random.random()),
            "whole": int(random.integers(0, 12)),
            "word": some[0],
            "code": 2**53 - 1 - int(random.integers(0, 25)),
            "flag": int(random.integers(0, 2)),
            "tags": some[: random.integers(0, 4)],
            "ids": [int(one) for one in random.integers(0, 9, random.integers(0, 4))],
            "joined": " | ".join(some[: random.integers(1, 4)]),
            "when": [moment.isoformat(), moment.strftime("%Y-%m-%d %H:%M")][number % 2],
            "then": (moment + timedelta(days=number % 400)).date().isoformat(),
            "seconds": int(moment.timestamp()),
            "millis": int(moment.timestamp() * 1000),
            "words": " ".join(some),
            "prose": ", ".join([*some, "it was"]),
        }
        kept = {name: value for name, value in row.items() if random.random() > 0.12}
        rows.append(kept | {"y": int(random.integers(0, 2)), "id": f"{seed} {number}"})
    return rows


def example(row: Row) -> bytes:
    """The row as the tf.Example that ArrowExampleGen would write."""
    import tensorflow as tf

    made = tf.train.Example()
    for name, value in row.items():
        if value is None:
            continue
        values = list(value) if isinstance(value, list | tuple) else [value]
        feature = made.features.feature[name]
        if KINDS[name] == "INT":
            feature.int64_list.value.extend(values)
        elif KINDS[name] == "FLOAT":
            feature.float_list.value.extend(values)
        else:
            feature.bytes_list.value.extend(
                one.encode() if isinstance(one, str) else one for one in values
            )
    return bytes(made.SerializeToString())


def write(folder: Path, shards: Sequence[Sequence[Row]]) -> None:
    """Files of tf.Examples."""
    import tensorflow as tf

    folder.mkdir(parents=True)
    for number, rows in enumerate(shards):
        path = folder / f"data_tfrecord-{number:05d}-of-{len(shards):05d}.gz"
        with tf.io.TFRecordWriter(
            str(path), tf.io.TFRecordOptions(compression_type="GZIP")
        ) as file:
            for row in rows:
                file.write(example(row))
