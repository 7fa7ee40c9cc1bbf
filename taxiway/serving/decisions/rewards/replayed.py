"""Decisions of the log that were left to chance, as arrays to evaluate other policies by.

What the log's arms were not chosen for is left out and counted: a version that was named, a request
outside of the audience, an answer of another version than the chosen one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from taxiway.delivery.off_policy.logged import Floats, Logged
from taxiway.errors import TaxiwayError
from taxiway.modeling.names import LOGGED
from taxiway.serving.decisions.parquet.tables import (
    FALLBACK,
    KEY,
    POLICY,
    PROPENSITY,
    REQUEST_ID,
    REVISION,
    REWARD,
    ROW,
    TIME,
    VERSION,
)
from taxiway.serving.requests.ask import NAMED, OUTSIDE, OVERRIDE

MOST: Final = 500_000
"""Decisions: their columns are held as Python's own values."""
Missing = Literal["refuse", "left_out", "zero"]
"""What becomes of a decision without a reward: `zero` for what is only posted when it happens."""
_PROPENSITIES: Final = f"{LOGGED}propensities"
_NOT_DRAWN: Final = {NAMED: "named", OVERRIDE: "named", OUTSIDE: "outside_audience"}

Marks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Wanted:
    """Which decisions.

    Args:
      since_us: microseconds since 1970, of the first.
      until_us: of the first that is not wanted any more; None for now.
      first_revision: of the route; what went by an earlier one is not wanted.
      versions: arms of an experiment; none for all that the log has.
      missing: what becomes of those without a reward.
    """

    since_us: int = 0
    until_us: int | None = None
    first_revision: int = 0
    versions: tuple[str, ...] = ()
    missing: Missing = "refuse"


@dataclass(frozen=True)
class Counts:
    """Where decisions went: `used` and those that were left out are all of them.

    Args:
      decisions: requests in the time that is asked for.
      named: whose version the client or someone by hand named.
      outside_audience: that the route did not split.
      other_versions: of versions that are no arms of the experiment.
      fallbacks: that another version answered than the chosen one.
      without_propensity: whose propensity is missing, or is none.
      without_reward: of which no reward came.
      used: what is left.
      counted_as_zero: of those, decisions without a reward that count as 0.
    """

    decisions: int
    named: int
    outside_audience: int
    other_versions: int
    fallbacks: int
    without_propensity: int
    without_reward: int
    used: int
    counted_as_zero: int = 0

    @property
    def left_out(self) -> dict[str, int]:
        """Why, and how many; those of which there are any."""
        names = [one for one in asdict(self) if one not in ("decisions", "used", "counted_as_zero")]
        return {one: getattr(self, one) for one in names if getattr(self, one)}

    def to_json(self) -> dict[str, int]:
        """As plain values."""
        return asdict(self)


def replayable(table: Any, wanted: Wanted, more_arms: Iterable[str] = ()) -> tuple[Logged, Counts]:
    """Decisions that were left to chance and have a reward, in the order of time.

    A request of several rows is one decision, and what is known of it is its first row.

    Args:
      table: of `joined`.
      wanted: which of them.
      more_arms: that a policy may choose beside those of the log.

    Raises:
      TaxiwayError: there are more than 500,000.
    """
    first = _in_time(table, wanted)
    kept, counts = _sorted_out(first, wanted)
    if counts.used > MOST:
        raise TaxiwayError(
            f"{counts.used:,} decisions, expected {MOST:,} at most", edit="--since, --until"
        )
    rows = first.filter(pa.array(kept))
    rows = rows.sort_by(TIME) if rows.num_rows else rows
    return _logged(rows, wanted.versions, more_arms), counts


def _in_time(table: Any, wanted: Wanted) -> Any:
    """First rows of the requests that are wanted."""
    if not table.num_rows:
        return table
    times = table.column(TIME).cast(pa.int64()).to_numpy()
    keep = (table.column(ROW).to_numpy() == 0) & (times >= wanted.since_us)
    if wanted.until_us is not None:
        keep &= times < wanted.until_us
    if wanted.first_revision and REVISION in table.schema.names:
        keep &= pc.fill_null(table.column(REVISION), 0).to_numpy() >= wanted.first_revision
    return table.filter(pa.array(keep))


def _sorted_out(table: Any, wanted: Wanted) -> tuple[Marks, Counts]:
    """Which rows are used, and why the others are not: each is counted once, for the first why."""
    kept = np.ones(table.num_rows, bool)
    left_out = dict.fromkeys(Counts.__dataclass_fields__, 0)
    if table.num_rows:
        for why, marks in _reasons(table, wanted):
            left_out[why] += int((kept & marks).sum())
            kept &= ~marks
    left_out |= {"decisions": len(kept), "used": int(kept.sum())}
    if wanted.missing == "zero" and table.num_rows:
        left_out["counted_as_zero"] = int((kept & _is_null(table, REWARD)).sum())
    return kept, Counts(**left_out)


def _reasons(table: Any, wanted: Wanted) -> Iterable[tuple[str, Marks]]:
    policies = np.array(table.column(POLICY).to_pylist(), dtype=object)
    for policy, why in _NOT_DRAWN.items():
        yield why, policies == policy
    if wanted.versions:
        versions = np.array(table.column(VERSION).to_pylist(), dtype=object)
        yield "other_versions", ~np.isin(versions.astype(str), wanted.versions)
    yield "fallbacks", table.column(FALLBACK).to_numpy().astype(bool)
    propensities = _numbers(table, PROPENSITY)
    yield "without_propensity", ~((propensities > 0) & (propensities <= 1))
    if wanted.missing != "zero":
        yield "without_reward", _is_null(table, REWARD)


def _logged(table: Any, versions: Sequence[str], more_arms: Iterable[str]) -> Logged:
    if not table.num_rows:
        empty, none = np.empty(0), np.empty(0, np.int64)
        return Logged(tuple(dict.fromkeys([*versions, *more_arms])), none, empty, empty, none, {})
    chosen = table.column(VERSION).to_pylist()
    told = _told(table)
    found = dict.fromkeys(name for one in told.values() for name in one)
    arms = tuple(dict.fromkeys([*versions, *sorted({*chosen, *found}), *more_arms]))
    place = {arm: number for number, arm in enumerate(arms)}
    keys = table.column(KEY).to_pylist()
    whose = [
        (key is None, request_id if key is None else key)
        for key, request_id in zip(keys, table.column(REQUEST_ID).to_pylist(), strict=True)
    ]
    unit = {one: number for number, one in enumerate(dict.fromkeys(whose))}
    return Logged(
        arms=arms,
        chosen=np.array([place[one] for one in chosen]),
        propensities=_numbers(table, PROPENSITY),
        rewards=np.nan_to_num(_numbers(table, REWARD)),
        units=np.array([unit[one] for one in whose]),
        columns={
            name: table.column(name).to_pylist()
            for name in table.schema.names
            if not name.startswith(LOGGED)
        },
        possible=_possible(table, arms, told),
    )


def _told(table: Any) -> dict[str, dict[str, float]]:
    """Propensities of all arms by their text, which few decisions differ in."""
    if _PROPENSITIES not in table.schema.names:
        return {}
    texts = table.column(_PROPENSITIES).unique().to_pylist()
    return {text: orjson.loads(text) for text in texts if text}


def _possible(table: Any, arms: Sequence[str], told: dict[str, dict[str, float]]) -> Floats | None:
    if not told:
        return None
    unknown = np.full(len(arms), np.nan)
    by_text = {
        text: np.array([found.get(arm, 0.0) for arm in arms]) for text, found in told.items()
    }
    return np.array(
        [by_text.get(text, unknown) for text in table.column(_PROPENSITIES).to_pylist()]
    )


def _numbers(table: Any, name: str) -> Floats:
    """NaN where there is none."""
    found = [np.nan if one is None else one for one in table.column(name).to_pylist()]
    return np.array(found, np.float64)


def _is_null(table: Any, name: str) -> Marks:
    return np.isnan(_numbers(table, name))
