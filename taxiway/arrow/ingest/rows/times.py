"""Dates and timestamps of Parquet, as columns of text or of whole numbers have them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa

TICKS: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
DAY: Final = 86_400


def is_time(found: Any) -> bool:
    """Whether an Arrow type is that of points in time."""
    return bool(pa.types.is_timestamp(found) or pa.types.is_date(found))


def plain_times(values: Any, kind: str) -> Any:
    """An array of dates or timestamps as text (BYTES), or as seconds since 1970 (INT).

    Text is `2013-01-31` or `2013-01-31T05:30:00`, with a `Z` where the column has a zone, for such
    are kept in UTC. Parts of a second are cut off.
    """
    missing = values.is_null().to_numpy(zero_copy_only=False)
    seconds = _seconds(values)
    if kind == "INT":
        return pa.array(seconds, mask=missing)
    is_date = pa.types.is_date(values.type)
    text = np.datetime_as_string(seconds.astype("M8[s]"), unit="D" if is_date else "s")
    zone = "" if is_date or values.type.tz is None else "Z"
    return pa.array(np.char.add(text, zone).tolist() if zone else text.tolist(), mask=missing)


def _seconds(values: Any) -> Any:
    """int64 [N], 0 where there is none."""
    if pa.types.is_date32(values.type):
        days = values.cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False)
        return days.astype(np.int64) * DAY
    ticks = values.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    each = TICKS["ms"] if pa.types.is_date64(values.type) else TICKS[values.type.unit]
    return ticks // each
