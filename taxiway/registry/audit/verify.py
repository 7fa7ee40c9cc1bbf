"""Verifies the audit: finds entries that were changed, taken out, put in or moved, and says where.

Each entry's hash covers its columns and the hash of the entry before it, and `audit_head` names the
last one. So an entry can be wrong in itself (its hash is not of its columns), or it can be right in
itself and not be the one that the next entry was chained to: somebody changed it and made its hash
anew. Who made all hashes anew from some entry on, or cut off the tail and set the head back, is
found by an anchor: the hash of an entry, kept where the database's owner cannot write.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Select, func, select
from sqlalchemy.exc import DBAPIError

from taxiway.errors import ConfigError
from taxiway.process.progress import Progress, report
from taxiway.registry.audit.chain import GENESIS, entry_hash
from taxiway.registry.database.tables import audit, audit_head

_PAGE: Final = 2_000
"""Entries that are in memory at a time."""
_REMEMBERED: Final = 1_000
"""Hashes by which entries that were put in are told from one that was changed."""
_ANCHOR: Final = re.compile(r"([0-9a-f]{64}):(0|[1-9][0-9]{0,17})", re.ASCII)


@dataclass(frozen=True)
class Anchor:
    """An entry as it was when somebody noted it: written `HASH:SEQUENCE`."""

    hash: str
    sequence: int

    def __str__(self) -> str:
        return f"{self.hash}:{self.sequence}"


@dataclass(frozen=True)
class Fault:
    """Something that is wrong with the audit.

    Args:
      sequence: the first entry that it is about.
      what: in words.
    """

    sequence: int
    what: str


@dataclass
class Verification:
    """What was found.

    Args:
      entries: how many were read.
      head: of the chain.
      faults: by sequence; empty where all is well.
    """

    entries: int
    head: Anchor
    faults: list[Fault] = field(default_factory=list)


def parse_anchor(text: str) -> Anchor:
    """An anchor, as `taxiway audit anchor` prints it.

    Raises:
      ConfigError: it is written otherwise.
    """
    match = _ANCHOR.fullmatch(text.strip())
    if match is None:
        raise ConfigError(
            f"received the anchor {text[:100]!r}, expected what `taxiway audit anchor` prints: 64 "
            "hexadecimal digits, a colon and a number",
            edit="--anchor",
        )
    return Anchor(match[1], int(match[2]))


def read_head(connection: Connection) -> Anchor:
    """The chain's last entry, as the head names it; `GENESIS` at 0 where there is none yet."""
    row = connection.execute(select(audit_head)).first()
    return Anchor(GENESIS, 0) if row is None else Anchor(row.hash, row.sequence)


def verify(connection: Connection, anchors: Sequence[Anchor] = ()) -> Verification:
    """Reads the whole audit; others may append to it meanwhile. Listeners hear how far it is.

    Args:
      connection: only read from.
      anchors: entries that were noted; each has to be there as it was.
    """
    chain = _Chain(anchors)
    total, last = read_head(connection).sequence, None
    while True:
        for entry in _entries(connection, last):
            chain.read(entry)
            last = int(entry["sequence"])
            if chain.entries % _PAGE == 0:
                report(Progress(chain.entries, max(total, chain.entries), "entries"))
        heads, newest = _end(connection)
        if newest is None or (last is not None and newest <= last):  # nobody has appended since
            break
    faults = chain.end(heads)
    return Verification(chain.entries, heads[0] if heads else Anchor(GENESIS, 0), faults)


class _Chain:
    """The entries as they are read, each once and in the order of their numbers."""

    def __init__(self, anchors: Sequence[Anchor]) -> None:
        self.entries = 0
        self._anchors = sorted(anchors, key=lambda anchor: anchor.sequence)
        self._anchored = 0
        self._faults: dict[int, str] = {}
        self._last = 0
        self._hashes: tuple[Any, ...] = (GENESIS,)
        """Of the last entry: as it is kept, and as it is of its columns."""
        self._recent: deque[tuple[str, int]] = deque([(GENESIS, 0)], maxlen=_REMEMBERED)
        self._doubtful: tuple[int, int] | None = None
        """Of two entries that do not fit, though each is right in itself, one was changed."""

    def read(self, entry: Mapping[str, Any]) -> None:
        """Takes the next entry."""
        self.entries += 1
        number, computed = int(entry["sequence"]), _computed(entry)
        if number < 1:
            self._fault(number, "was put in: entries are numbered from 1 on")
            return
        is_right, fits = computed == entry["hash"], entry["previous_hash"] in self._hashes
        self._decide(next_fits=fits)
        if number > self._last + 1:
            self._fault(self._last + 1, _are(self._last + 1, number - 1, "missing"))
        elif not fits and is_right:
            self._doubtful = (number - 1, number)
        elif not fits:
            self._find_put_in(entry)
        if not is_right:
            self._fault(number, "was changed: its hash is not of its columns")
        self._compare_anchors(number, (entry["hash"], computed))
        self._last, self._hashes = number, (entry["hash"], computed)
        self._recent.append((entry["hash"], number))

    def end(self, heads: Sequence[Anchor]) -> list[Fault]:
        """All faults, once every entry was read."""
        head = heads[0] if heads else Anchor("", self._last)
        fits = head.hash in self._hashes
        self._decide(next_fits=fits)
        if len(heads) != 1:
            self._fault(self._last, f"is the last, and the chain has {len(heads)} heads, not one")
        elif head.sequence > self._last:
            self._fault(self._last + 1, _are(self._last + 1, head.sequence, "missing at the end"))
        elif head.sequence < self._last:
            self._fault(head.sequence + 1, _are(head.sequence + 1, self._last, "after the head"))
        elif not fits:
            self._fault(self._last, "was changed, or the head was: the head has another hash")
        for anchor in self._anchors:
            if anchor.sequence > self._last:
                self._fault(
                    self._last + 1,
                    _are(self._last + 1, anchor.sequence, "cut off: one is anchored"),
                )
        return [Fault(number, what) for number, what in sorted(self._faults.items())]

    def _fault(self, number: int, what: str) -> None:
        self._faults.setdefault(number, what)

    def _decide(self, next_fits: bool) -> None:
        """Of two doubtful entries the later is right if what comes next was chained to it."""
        if self._doubtful is not None:
            earlier, later = self._doubtful
            if next_fits and earlier:
                self._fault(earlier, "was changed, and its hash made anew")
            else:
                self._fault(later, "was changed, and its hash made anew; that before it may be too")
            self._doubtful = None

    def _find_put_in(self, entry: Mapping[str, Any]) -> None:
        """Entries were put in where this one fits an earlier one, but for its number."""
        for hashed, number in self._recent:
            moved = {**entry, "sequence": number + 1}
            if hashed == entry["previous_hash"] and _computed(moved) == entry["hash"]:
                self._fault(number + 1, _are(number + 1, self._last, "put in"))

    def _compare_anchors(self, number: int, hashes: tuple[Any, ...]) -> None:
        for anchor in self._anchors:
            if anchor.sequence == number and anchor.hash in hashes:
                self._anchored = number
            elif anchor.sequence == number:
                since = f"it or one before it, after {self._anchored}"
                self._fault(number, f"is not the one that was anchored: {since}, was made anew")


def _are(first: int, last: int, what: str) -> str:
    return f"is {what}" if first == last else f"to {last}: {what}"


def _computed(entry: Mapping[str, Any]) -> str | None:
    """The hash that an entry should have; None where a column is no text, as SQLite allows."""
    try:
        return entry_hash(entry)
    except (TypeError, KeyError):
        return None


def _entries(connection: Connection, after: int | None) -> Iterator[Mapping[str, Any]]:
    """Entries by number, from the one after `after` on."""
    while True:
        query = select(audit).order_by(audit.c.sequence).limit(_PAGE)
        if after is not None:
            query = query.where(audit.c.sequence > after)
        try:
            page = [dict(row) for row in connection.execute(query).mappings()]
        except DBAPIError:
            if connection.dialect.name != "sqlite":
                raise
            page = _one_by_one(connection, query.with_only_columns(audit.c.sequence))
        yield from page
        if len(page) < _PAGE:
            return
        after = int(page[-1]["sequence"])


def _one_by_one(connection: Connection, numbers: Select[Any]) -> list[dict[str, Any]]:
    """Entries among which are some that cannot be read, for SQLite takes any bytes as text."""
    found: list[dict[str, Any]] = []
    for number in connection.execute(numbers).scalars().all():
        query = select(audit).where(audit.c.sequence == number)
        try:
            found.append(dict(connection.execute(query).mappings().one()))
        except DBAPIError:
            found.append({"sequence": number, "hash": "", "previous_hash": ""})
    return found


def _end(connection: Connection) -> tuple[list[Anchor], int | None]:
    """The heads, of which there is one, and the last entry's number, of the same moment."""
    newest = select(func.max(audit.c.sequence)).scalar_subquery()
    columns = (audit_head.c.hash, audit_head.c.sequence, newest.label("newest"))
    rows = connection.execute(select(*columns).order_by(audit_head.c.id)).all()
    if not rows:
        return [], connection.execute(select(newest)).scalar_one()
    return [Anchor(row.hash, row.sequence) for row in rows], rows[0].newest
