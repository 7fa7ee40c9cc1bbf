"""What a log holds, and what it took that is nowhere."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from taxiway.serving.decisions.layout import REWARDS, models, parts, spans
from taxiway.serving.decisions.parquet.files import rows_of
from taxiway.serving.decisions.upkeep.account import Account, ended_accounts, read_account
from taxiway.serving.decisions.wal.counters import read_counters
from taxiway.serving.decisions.wal.folders import COUNTERS, gateways, is_alive, segments


@dataclass(frozen=True)
class ModelFiles:
    """What is Parquet of a model."""

    model: str
    rows: int
    rewards: int
    files: int
    bytes: int
    first_span: int | None
    last_span: int | None


@dataclass(frozen=True)
class GatewayState:
    """What became of the records of a gateway: accepted = dropped + lost + written + waiting."""

    gateway: str
    state: str
    """alive, waits (killed, to be recovered at the next start) or ended."""
    accepted: int
    written: int
    dropped: int
    lost: int
    waiting_bytes: int = 0
    """Of segments that are no Parquet yet."""


@dataclass(frozen=True)
class Status:
    """Of a log."""

    root: str
    models: list[ModelFiles]
    gateways: list[GatewayState]

    @property
    def lost(self) -> int:
        """Records that were taken by gateways that were killed, and are nowhere."""
        return sum(one.lost for one in self.gateways)

    @property
    def dropped(self) -> int:
        """Records that gateways gave up, as the disk did not take them."""
        return sum(one.dropped for one in self.gateways)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self) | {"lost": self.lost, "dropped": self.dropped}


def read_status(root: Path) -> Status:
    """Looks at every file's footer; changes nothing."""
    alive = [_running(folder) for folder in gateways(root)]
    known = {one.gateway for one in alive}
    ended = [_ended(one) for one in ended_accounts(root) if one.gateway not in known]
    return Status(str(root), [_files(root, model) for model in models(root)], [*ended, *alive])


def lost_records(root: Path) -> int:
    """Records that killed gateways took and never wrote, as far as they were recovered."""
    return sum(one.lost for one in ended_accounts(root))


def _files(root: Path, model: str) -> ModelFiles:
    decisions = list(parts(root / model))
    rewards = list(parts(root / model / REWARDS))
    days = [span for span, _ in spans(root / model)]
    return ModelFiles(
        model,
        sum(map(rows_of, decisions)),
        sum(map(rows_of, rewards)),
        len(decisions) + len(rewards),
        sum(map(_size, [*decisions, *rewards])),
        days[0] if days else None,
        days[-1] if days else None,
    )


def _running(folder: Path) -> GatewayState:
    accepted, dropped, written = read_counters(folder / COUNTERS)
    state = "alive" if is_alive(folder) else "waits"
    size = sum(map(_size, segments(folder, also_open=True)))
    account = read_account(folder)
    if account.ended:
        return _ended(account)
    return GatewayState(folder.name, state, accepted, written, dropped, 0, size)


def _ended(account: Account) -> GatewayState:
    accepted, records = account.through, account.records
    return GatewayState(account.gateway, "ended", accepted, records, account.dropped, account.lost)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
