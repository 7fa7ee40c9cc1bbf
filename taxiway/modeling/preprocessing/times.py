"""The graphs of times: ISO 8601 read by TensorFlow alone, and a calendar of whole numbers.

Days are counted as in Howard Hinnant, "chrono-compatible low-level date algorithms" (2013): years
begin in March, so that the day that some years lack is their last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import tensorflow as tf

from taxiway.modeling.preprocessing.categories import one_hot
from taxiway.modeling.preprocessing.numbers import clipped
from taxiway.modeling.preprocessing.raw import Inputs, Outputs, text
from taxiway.modeling.spec import Timestamp
from taxiway.modeling.spec.columns.times import AGE_CLIP, ISO, PARTS
from taxiway.modeling.tasks.raw_column import dense_column

DAY: Final = 86_400
UNITS: Final = {"s": 1, "ms": 1_000, "us": 1_000_000}
NO_TIME: Final = -(2**63)
FIRST: Final = -62_167_219_200
LAST: Final = 253_402_300_799
"""The seconds in which the years 0 and 9999 begin and end; what is beyond counts as missing."""
FIELDS: Final = 9


@dataclass(frozen=True)
class Moment:
    """Points in time, [N] each: seconds since 1970 by the local clock and by UTC, int64."""

    local: tf.Tensor
    utc: tf.Tensor
    known: tf.Tensor
    """Where the others mean something, bool."""


def age(role: Timestamp, inputs: Inputs) -> tf.Tensor:
    """The age in days, float64 [N], NaN where it is not known."""
    own = _read(inputs[role.name], role.unit)
    if role.since is not None:
        passed, known = own.utc - role.since, own.known
    else:
        until = _read(inputs[role.age_at], role.unit)
        passed, known = until.utc - own.utc, own.known & until.known
    days = tf.cast(passed, tf.float64) / DAY
    return tf.where(known, days, tf.fill(tf.shape(days), tf.constant(math.nan, tf.float64)))


def take_apart(role: Timestamp, inputs: Inputs, learned: Any) -> Outputs:
    """See `Timestamp`."""
    outputs: Outputs = {}
    if role.parts:
        moment = _read(inputs[role.name], role.unit)
        seconds = moment.local if role.clock == "local" else moment.utc
        known = tf.cast(moment.known, tf.float32)[:, tf.newaxis]
        columns = [_encoded(role, part, seconds) * known for part in role.parts]
        together = tf.concat([*columns, 1.0 - known], axis=1)
        outputs[role.transformed_name] = tf.reshape(together, [-1, role.width])
    if role.age_at:
        moments = learned.moments[role]
        scaled = clipped((moments.values - moments.mean, moments.deviation), AGE_CLIP)
        missing = tf.math.is_nan(moments.values)
        outputs[role.age_name] = tf.where(missing, tf.zeros_like(scaled), scaled)
    return outputs


def _encoded(role: Timestamp, part: str, seconds: tf.Tensor) -> tf.Tensor:
    """float32 [N, 2] or [N, number of such parts]."""
    place, whole = TURNS[part](seconds)
    if role.encoding == "one_hot":
        return one_hot(place * PARTS[part] // whole, PARTS[part])
    angle = tf.cast(place, tf.float64) * (2 * math.pi / whole)
    return tf.cast(tf.stack([tf.sin(angle), tf.cos(angle)], axis=1), tf.float32)


TURNS: Final[Mapping[str, Callable[[tf.Tensor], tuple[tf.Tensor, int]]]] = {
    "hour": lambda seconds: (seconds % DAY, DAY),
    "weekday": lambda seconds: ((seconds // DAY + 3) % 7, 7),  # 1970 began on a Thursday
    "day": lambda seconds: (_civil(seconds // DAY)[1] - 1, 31),
    "month": lambda seconds: (_civil(seconds // DAY)[0] - 1, 12),
}
"""Where in a turn of each part the seconds are, from 0, and how long the turn is."""


def _read(value: Any, unit: str) -> Moment:
    if value.dtype == tf.string:
        return _read_text(text(value))
    seconds = dense_column(value, NO_TIME) // UNITS[unit]
    known = (seconds >= FIRST) & (seconds <= LAST)
    seconds = tf.where(known, seconds, tf.zeros_like(seconds))
    return Moment(seconds, seconds, known)


def _read_text(value: tf.Tensor) -> Moment:
    known = tf.strings.regex_full_match(value, ISO)
    value = tf.where(known, value, tf.fill(tf.shape(value), "1970-01-01"))
    # The 0 before each number stands for one that is not there.
    groups = r"\1,\2,\3,0\4,0\5,0\6,\7,0\8,0\9"
    fields = tf.strings.split(tf.strings.regex_replace(value, f"^{ISO}$", groups), ",")
    fields = tf.reshape(fields.flat_values, [-1, FIELDS])
    is_west = tf.equal(fields[:, 6], "-")
    numbers = [
        tf.strings.to_number(fields[:, place], tf.int64) for place in range(FIELDS) if place != 6
    ]
    year, month, day, hour, minute, second, hours, minutes = numbers
    days = _days(year, month, day)
    known &= tf.equal(_civil(days)[0], month)  # 30 February is a day of March
    local = days * DAY + hour * 3600 + minute * 60 + second
    offset = hours * 3600 + minutes * 60
    return Moment(local, local + tf.where(is_west, offset, -offset), known)


def _days(year: tf.Tensor, month: tf.Tensor, day: tf.Tensor) -> tf.Tensor:
    """Days since 1970-01-01."""
    year -= tf.cast(month <= 2, tf.int64)
    since_march = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return 365 * year + year // 4 - year // 100 + year // 400 + since_march - 719_468


def _civil(days: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Month and day of the month, from 1 both."""
    day_of_era = (days + 719_468) % 146_097
    year = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
    month = (5 * day_of_year + 2) // 153
    return (month + 2) % 12 + 1, day_of_year - (153 * month + 2) // 5 + 1
