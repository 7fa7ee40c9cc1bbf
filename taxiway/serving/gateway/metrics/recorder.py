"""Counts every request, for metrics and the status page; on the hot path, so it only adds.

What a request adds to is found by one look into a dictionary; names and text are made when someone
reads. Labels are bounded: models are those of the config, versions those that answered, and where
there are more than `MOST_CELLS` of all together, the rest goes by `other`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from taxiway.access.refusal import Refusal
from taxiway.serving.gateway.metrics.histogram import LATENCY_BOUNDS, ROWS_BOUNDS, Histogram
from taxiway.serving.requests.ask import Answer, Ask

OTHER: Final = "other"
OK: Final = "OK"
MOST_CELLS: Final = 2_000
WINDOW_TICKS: Final = 12
"""Of `Recorder.tick` that what is told as recent goes back."""


class Labels(NamedTuple):
    """Which requests are counted together.

    Args:
      model: of the config, or `other`.
      version: that answered; empty where none did.
      arm: that answered; empty where none did.
      code: gRPC's name of the status, `OK` for an answer.
      protocol: by which they came.
    """

    model: str
    version: str
    arm: str
    code: str
    protocol: str


@dataclass
class Cell:
    """What was counted of requests with the same labels.

    Args:
      latency: of each, in seconds.
      rows: of each.
    """

    latency: Histogram = field(default_factory=lambda: Histogram(LATENCY_BOUNDS))
    rows: Histogram = field(default_factory=lambda: Histogram(ROWS_BOUNDS))


class Fallback(NamedTuple):
    """Requests that another arm answered than the one chosen first."""

    model: str
    chosen: str
    arm: str


@dataclass(frozen=True)
class Recent:
    """Of the last minute, for people.

    Args:
      requests: how many, those that were refused too.
      errors: those among them that were not answered, whosoever fault that was.
      p50: seconds of those that were answered; None where there were none.
      p99: as `p50`.
      seconds: that all this was counted in; 0 where counting has only begun.
    """

    requests: int
    errors: int
    p50: float | None
    p99: float | None
    seconds: float


class Recorder:
    """The gateway's `Observer`; one event loop writes, and anyone may read.

    Args:
      models: that the gateway serves.
    """

    def __init__(self, models: Collection[str]) -> None:
        self.cells: dict[Labels, Cell] = {}
        self.fallbacks: dict[Fallback, int] = {}
        self.batches: dict[tuple[str, str], Histogram] = {}
        self._models = frozenset(models)
        self._ticks: deque[tuple[float, dict[Labels, Histogram]]] = deque(maxlen=WINDOW_TICKS)

    def answered(self, ask: Ask, answer: Answer, seconds: float) -> None:
        """Counts an answer; see `Observer`."""
        labels = (ask.model, answer.version, answer.arm, OK, ask.protocol)
        cell = self.cells.get(labels)  # type: ignore[call-overload]  # a plain tuple is its equal
        if cell is None:
            cell = self._cell(Labels(*labels))
        cell.latency.observe(seconds)
        cell.rows.observe(ask.rows)
        if answer.fallback:
            moved = Fallback(ask.model, answer.chosen, answer.arm)
            self.fallbacks[moved] = self.fallbacks.get(moved, 0) + 1

    def refused(self, ask: Ask, refusal: Refusal, seconds: float) -> None:
        """Counts a refusal; see `Observer`."""
        cell = self._cell(Labels(ask.model, "", "", refusal.code.grpc, ask.protocol))
        cell.latency.observe(seconds)
        cell.rows.observe(ask.rows)

    def batch(self, model: str, version: str, rows: int) -> None:
        """Counts the rows that one call of a model was for."""
        batches = self.batches.get((model, version))
        if batches is None:
            batches = self.batches[model, version] = Histogram(ROWS_BOUNDS)
        batches.observe(rows)

    def keep_versions(self, loaded: Iterable[tuple[str, str]]) -> None:
        """Forgets what was counted of versions that are gone, so that a year of them is no leak.

        Args:
          loaded: model and version of each that is loaded.
        """
        kept = frozenset(loaded)
        for labels in list(self.cells):
            if labels.version not in ("", OTHER) and (labels.model, labels.version) not in kept:
                del self.cells[labels]
        for key in [one for one in self.batches if one not in kept]:
            del self.batches[key]

    def tick(self, now: float) -> None:
        """Remembers how much was counted until now, for `recent`; to be called every 5 seconds."""
        self._ticks.append((now, {labels: cell.latency.copy() for labels, cell in self._items()}))

    def recent(self, model: str, now: float, version: str = "") -> Recent:
        """What happened to a model's requests in about the last minute.

        Args:
          model: its name.
          now: on the clock of `tick`.
          version: only what this one answered; empty for all, with what was refused.
        """
        then, before = self._ticks[0] if self._ticks else (now, {})
        answers, requests = Histogram(LATENCY_BOUNDS), 0
        for labels, cell in self._items():
            if labels.model != model or version not in ("", labels.version):
                continue
            known = before.get(labels)
            again = known is not None and known.count > cell.latency.count  # gone, and back
            latency = cell.latency.since(known) if known and not again else cell.latency
            requests += latency.count
            if labels.code == OK:
                answers.add(latency)
        quantiles = answers.quantile(0.5), answers.quantile(0.99)
        return Recent(requests, requests - answers.count, *quantiles, now - then)

    def _items(self) -> list[tuple[Labels, Cell]]:
        return list(self.cells.items())

    def _cell(self, labels: Labels) -> Cell:
        if labels.model not in self._models:
            labels = labels._replace(model=OTHER, version="", arm="")
        if labels not in self.cells and len(self.cells) >= MOST_CELLS:
            labels = labels._replace(version=OTHER, arm=OTHER)
        return self.cells.setdefault(labels, Cell())
