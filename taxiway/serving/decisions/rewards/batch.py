"""Rewards of a file, row by row: each is one, or refused with its line."""

from __future__ import annotations

import asyncio
import csv
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import orjson

from taxiway.access.refusal import Code, Refusal
from taxiway.errors import ConfigError, did_you_mean
from taxiway.serving.decisions.record import Reward
from taxiway.serving.decisions.rewards.posted import KEYS, RewardSink, read_reward

AT_ONCE: Final = 1_000
"""Rewards that wait for the disk together."""
MOST_TOLD: Final = 1_000
"""Refused rows that are told; all are counted."""
LINE_BYTES: Final = 1 << 20

Row = tuple[int, Any]
"""The line that it begins at, or its number in a Parquet file, from 1; and its values."""


@dataclass
class Taken:
    """What became of a file's rows: `rows` is `accepted` and `refused` together.

    Args:
      rows: that the file has, its head and empty lines aside.
      accepted: that are rewards, and on disk.
      refused: that are none.
      reasons: of the first refused ones, by line.
    """

    rows: int = 0
    accepted: int = 0
    refused: int = 0
    reasons: dict[int, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        told = [{"line": line, "reason": reason} for line, reason in self.reasons.items()]
        return asdict(self) | {"reasons": told}


async def take_file(sink: RewardSink, model: str, path: Path) -> Taken:
    """Records what a file has of rewards; rows that are none are left out.

    The same file may be taken again: of each request, the latest reward of a name counts.

    Args:
      sink: the decision log.
      model: whose decisions they are of.
      path: CSV with a head, Parquet, or JSON lines, by its ending; columns as of `take_rewards`.

    Raises:
      ConfigError: the file is none of these, cannot be read, or has columns of another name.
      Refusal: UNAVAILABLE, the log takes nothing.
    """
    taken = Taken()
    rows = _reader(path)(path)
    while chunk := list(itertools.islice(rows, AT_ONCE)):
        taken.rows += len(chunk)
        read = [(line, _read(model, values, line)) for line, values in chunk]
        kept = await asyncio.gather(
            *(_kept(sink, one) for _, one in read if isinstance(one, Reward))
        )
        refused = [(line, one) for line, one in read if isinstance(one, str)]
        lines = (line for line, one in read if isinstance(one, Reward))
        refused += [(line, why) for line, why in zip(lines, kept, strict=True) if why]
        taken.refused += len(refused)
        for line, why in sorted(refused)[: max(MOST_TOLD - len(taken.reasons), 0)]:
            taken.reasons[line] = why
    taken.accepted = taken.rows - taken.refused
    return taken


def _read(model: str, values: Any, line: int) -> Reward | str:
    """A reward, or why it is none."""
    if isinstance(values, ValueError):
        return f"line {line}: {values}"
    try:
        return read_reward(model, values, f"line {line}")
    except Refusal as refusal:
        return refusal.message


async def _kept(sink: RewardSink, reward: Reward) -> str:
    """Why it cannot be a reward here; empty where it is."""
    try:
        await sink.record_reward(reward)
    except Refusal as refusal:
        if refusal.code is not Code.INVALID:
            raise
        return refusal.message
    return ""


def _reader(path: Path) -> Callable[[Path], Iterator[Row]]:
    try:
        return READERS[path.suffix.lower()]
    except KeyError:
        known = ", ".join(READERS)
        raise ConfigError(
            f"{path}: the ending '{path.suffix}' says nothing of how rewards are written, expected "
            f"one of {known}",
            edit=str(path),
        ) from None


def _csv(path: Path) -> Iterator[Row]:
    with _opened(path, "r") as file:
        try:
            yield from _csv_rows(path, csv.reader(file, strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} is no CSV: {error}", edit=str(path)) from error


def _csv_rows(path: Path, reader: Any) -> Iterator[Row]:
    head = [name.strip() for name in next(reader, [])]
    _check_columns(path, head)
    begins = reader.line_num + 1
    for cells in reader:
        line, begins = begins, reader.line_num + 1
        if not cells:
            continue
        if len(cells) != len(head):
            yield line, ValueError(f"got {len(cells)} cells, expected {len(head)}")
            continue
        found: dict[str, Any] = {
            name: cell.strip() for name, cell in zip(head, cells, strict=True) if cell.strip()
        }
        if "value" in found:
            found["value"] = _number(found["value"])
        yield line, found


def _json_lines(path: Path) -> Iterator[Row]:
    with _opened(path, "rb") as file:
        for line in itertools.count(1):
            text = file.readline(LINE_BYTES)
            if not text:
                return
            if not text.strip():
                continue
            try:
                yield line, orjson.loads(text)
            except ValueError as error:
                yield line, ValueError(f"no JSON: {error}")


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _opened(path, "rb") as file:
        try:
            parquet = pq.ParquetFile(file)
            _check_columns(path, parquet.schema_arrow.names)
            rows: Iterable[dict[str, Any]] = (
                row for batch in parquet.iter_batches(AT_ONCE) for row in batch.to_pylist()
            )
            for number, row in enumerate(rows, start=1):
                found = {name: value for name, value in row.items() if value is not None}
                if isinstance(found.get("at"), datetime):
                    found["at"] = found["at"].isoformat()
                yield number, found
        except pa.ArrowException as error:
            raise ConfigError(f"{path} is no Parquet: {error}", edit=str(path)) from error


def _check_columns(path: Path, names: Iterable[str]) -> None:
    for name in names:
        if name not in KEYS:
            raise ConfigError(
                f"{path} has a column '{name[:80]}'{did_you_mean(name, KEYS)} "
                f"(known: {', '.join(KEYS)})",
                edit=str(path),
            )


def _opened(path: Path, mode: str) -> IO[Any]:
    encoding, newline = (None, None) if "b" in mode else ("utf-8-sig", "")
    try:
        return path.open(mode, encoding=encoding, newline=newline)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", edit=str(path)) from error


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


READERS: Final[dict[str, Callable[[Path], Iterator[Row]]]] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
}
"""By the file's ending."""
