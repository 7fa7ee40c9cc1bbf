"""The decision log of a gateway process: takes decisions and rewards, and tends the folder.

    record() -> write-ahead log (this process) -> Parquet (a process of low priority) -> retention

The process that converts is started when a segment is closed, and ends when none is left; the
gateway's own process neither imports Arrow nor waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson

from taxiway.access.refusal import Code, Refusal
from taxiway.serving.decisions.erasure.tombstones import answer, erasures
from taxiway.serving.decisions.keys import Hasher
from taxiway.serving.decisions.parquet.background import Converter
from taxiway.serving.decisions.record import Recorder, Reward, reward_body
from taxiway.serving.decisions.upkeep.account import ended_accounts
from taxiway.serving.decisions.wal.folders import GatewayFolder
from taxiway.serving.decisions.wal.writer import BUFFERED_BYTES, NotKeptError, WriteAheadLog
from taxiway.serving.requests.ask import Answer, Ask, Signature

if TYPE_CHECKING:
    from taxiway.config.serving import DecisionLog as Settings

LARGE_REQUEST: Final = 1_000
"""Rows from which on a request's record is made in a thread: the event loop has others."""
CLOSE_SECONDS: Final = 30.0
RETRY_AFTER_SECONDS: Final = 1.0
_LOG: Final = logging.getLogger("taxiway.decisions")


@dataclass(frozen=True)
class LogCounts:
    """Of this process, for metrics.

    Args:
      accepted: records that were taken: each is dropped, written or waits.
      dropped: that were given up, as the disk took them too slowly or not at all.
      written: that are on disk.
      segments: closed so far.
      lost: that other gateways of this folder took before they were killed, and never wrote.
    """

    accepted: int
    dropped: int
    written: int
    segments: int
    lost: int = 0

    @property
    def waiting(self) -> int:
        """Records that are not on disk yet."""
        return self.accepted - self.dropped - self.written


class DecisionLog:
    """A DecisionSink, open until `close`.

    Args:
      settings: `serving.log`, with its root written out.
      key_column: that requests' keys come from beside `serving.log.key`; empty for none.
      convert: whether closed segments become Parquet while it is open.
      buffered_bytes: how much may wait for the disk; what comes then is dropped, or refused where
        `sync` is always.

    Raises:
      OSError: its folder cannot be made or written.
      TaxiwayError: the folder's key is none.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        key_column: str = "",
        convert: bool = True,
        buffered_bytes: int = BUFFERED_BYTES,
    ) -> None:
        self._settings = settings
        self._root = Path(settings.root)
        self._always = settings.sync == "always"
        self._recorder = Recorder(settings.columns, (settings.key, key_column), Hasher(self._root))
        self._types: dict[str, dict[str, str]] = {}
        self._folder = GatewayFolder(self._root)
        self._converter = Converter(self._root, settings.retention_days) if convert else None
        self._segments, self._lost = -1, 0
        self._erasures: frozenset[str] = frozenset()
        self._to_answer: int | None = None
        self._wal = WriteAheadLog(
            self._folder.path,
            always=self._always,
            segment_rows=settings.file_rows,
            note=self._note,
            tick=self._tick,
            buffered_bytes=buffered_bytes,
        )
        self._wal.start()

    @property
    def gateway(self) -> str:
        """The id of this process in the log."""
        return self._folder.gateway

    def describe(self, model: str, signature: Signature) -> None:
        """Says which columns a model takes: files then have them all, in its types.

        Args:
          model: name.
          signature: of plain columns, of a version that has traffic.
        """
        types = {column.name: column.dtype for column in signature.inputs}
        if self._types.get(model) != types:
            self._types = self._types | {model: types}
            self._wal.amend(self._note())

    async def record(self, ask: Ask, answer: Answer, seconds: float) -> None:
        """As `DecisionSink.record`."""
        if ask.rows < LARGE_REQUEST:
            body = self._recorder.decision(ask, answer, seconds)
        else:
            body = await asyncio.to_thread(self._recorder.decision, ask, answer, seconds)
        await self._kept(body, ask.rows)

    async def record_reward(self, reward: Reward) -> None:
        """Takes what came of a decision; it is as safe as a decision when this returns.

        Raises:
          Refusal: INVALID, it is by key and decisions are logged without; UNAVAILABLE, it could not
            be kept.
        """
        if reward.key:
            key = self._recorder.kept_key(reward.key)
            if key is None:
                column = f"serving.log.columns.{self._settings.key}"
                raise Refusal(Code.INVALID, f"a reward by key joins nothing: {column}.keep is drop")
            reward = replace(reward, key=key)
        await self._kept(reward_body(reward), 1)

    def counts(self) -> LogCounts:
        """Of this process so far."""
        now = self._wal.counts
        return LogCounts(now.accepted, now.dropped, now.written, now.segments, self._lost)

    def close(self) -> None:
        """Writes what waits, and has it made Parquet, for half a minute at most."""
        self._wal.close()
        self._folder.close()
        if self._converter is not None:
            self._converter.finish(CLOSE_SECONDS)

    async def _kept(self, body: bytes, rows: int) -> None:
        if not self._always:
            self._wal.append(body, rows)  # what is given up is counted, and told by the thread
            return
        try:
            await self._wal.durable(body, rows)
        except NotKeptError as error:
            raise Refusal(
                Code.UNAVAILABLE,
                f"the decision cannot be logged ({error}), and serving.log.sync is always",
                retry_after=RETRY_AFTER_SECONDS,
            ) from error

    def _note(self) -> bytes:
        note: Mapping[str, object] = {"key": self._settings.key, "types": self._types}
        return orjson.dumps(note)

    def _tick(self) -> None:
        """In the writer's thread."""
        self._answer_erasures()
        segments = self._wal.counts.segments
        if self._converter is not None:
            if self._converter.poll(has_work=segments != self._segments):
                self._lost = sum(one.lost for one in ended_accounts(self._root))
            self._segments = segments

    def _answer_erasures(self) -> None:
        """Says that all that was taken before an erasure is in closed segments."""
        found = erasures(self._root)
        if found != self._erasures:
            self._erasures, self._to_answer = found, self._wal.counts.accepted
        if self._to_answer is None:
            return
        if self._wal.counts.closed >= self._to_answer:
            self._to_answer = None
            answer(self._folder.path, self._erasures)
        else:
            self._wal.close_segment()
