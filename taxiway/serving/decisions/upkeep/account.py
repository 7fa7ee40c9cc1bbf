"""What became of a gateway's records: each is in a file, was dropped, or is lost, and is counted.

Records have numbers without holes, given out as they are taken, and the last one given out stands
in a file mapped to memory, which the kernel keeps when the process is killed. So what a killed
gateway took and never wrote is known to the record.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import orjson

from taxiway.serving.decisions.layout import GATEWAYS, write_whole
from taxiway.serving.decisions.wal.counters import read_counters
from taxiway.serving.decisions.wal.folders import COUNTERS

_FILE: Final = "account.json"
_LOG: Final = logging.getLogger("taxiway.decisions")


@dataclass(frozen=True)
class Account:
    """Of one gateway process, up to a record.

    Args:
      gateway: its id.
      through: the next record to be looked at; all before it are counted here.
      records: that became Parquet; one for each request and reward.
      rows: of these.
      missing: numbers that no segment had.
      dropped: of the missing, those that the gateway itself gave up and told of.
      torn: bytes at the ends of segments that are no whole record.
      ended: whether the gateway has ended and all of its records are counted.
    """

    gateway: str
    through: int = 0
    records: int = 0
    rows: int = 0
    missing: int = 0
    dropped: int = 0
    torn: int = 0
    ended: bool = False

    @property
    def lost(self) -> int:
        """Records that were taken and are nowhere, as the process was killed."""
        return max(self.missing - self.dropped, 0)

    def with_segment(self, sequences: Iterable[int], rows: int, torn: int) -> Account:
        """With the records of one segment more."""
        through, records, missing = self.through, 0, 0
        for sequence in sequences:
            missing += sequence - through
            through = sequence + 1
            records += 1
        return replace(
            self,
            through=through,
            records=self.records + records,
            rows=self.rows + rows,
            missing=self.missing + missing,
            torn=self.torn + torn,
        )


def read_account(folder: Path) -> Account:
    """The account of a gateway whose folder is still there."""
    try:
        return Account(**orjson.loads((folder / _FILE).read_bytes()))
    except FileNotFoundError:
        return Account(folder.name)


def write_account(folder: Path, account: Account) -> None:
    """Writes it; on disk when this returns."""
    write_whole(folder / _FILE, orjson.dumps(asdict(account)))


def closed_account(root: Path, folder: Path) -> Account:
    """The final account of a gateway that has ended, whose segments are all converted.

    What is missing at the end was never written; it is told here, once.
    """
    account = read_account(folder)
    accepted, dropped, _ = read_counters(folder / COUNTERS)
    if not account.ended:
        accepted = max(accepted, account.through)
        missing = account.missing + accepted - account.through
        account = replace(account, through=accepted, missing=missing, dropped=dropped, ended=True)
        if account.lost:
            _LOG.error(
                "decision log: gateway %s was killed, and %d of its %d records are lost: taken, "
                "not yet on disk",
                *(account.gateway, account.lost, accepted),
            )
        if dropped:
            _LOG.error(
                "decision log: gateway %s had dropped %d of its %d records",
                *(account.gateway, dropped, accepted),
            )
        write_account(folder, account)
    if account.through:
        (root / GATEWAYS).mkdir(exist_ok=True)
        write_whole(root / GATEWAYS / f"{account.gateway}.json", orjson.dumps(asdict(account)))
    return account


def ended_accounts(root: Path) -> list[Account]:
    """Final accounts, of gateways that took anything."""
    folder = root / GATEWAYS
    if not folder.is_dir():
        return []
    return [Account(**orjson.loads(one.read_bytes())) for one in sorted(folder.glob("*.json"))]
