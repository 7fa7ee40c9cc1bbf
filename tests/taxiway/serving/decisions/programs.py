"""What tests kill: a gateway that records, and what makes Parquet."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import sqlalchemy  # noqa: F401  # before processes are forked that each would import it

from taxiway.config.serving import DecisionLog as Settings
from taxiway.serving.decisions.log import DecisionLog
from taxiway.serving.decisions.parquet.convert import convert_all
from taxiway.serving.decisions.parquet.without_pandas import leave_out_pandas
from tests.taxiway.serving.decisions.conftest import MODEL, SIGNATURE, an_answer, an_ask


def convert(root: str) -> None:
    """For `tests.killed`, in a process of its own each time."""
    leave_out_pandas()
    convert_all(Path(root))


async def record_for_ever(log: DecisionLog) -> None:
    """Says each request's number when its answer may be sent."""
    number = 0
    while True:
        await log.record(an_ask(f"r-{number}"), an_answer(), 0.001)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        number += 1
        await asyncio.sleep(0)


def main(root: str, sync: str, file_rows: str) -> None:
    settings = Settings.model_validate({"root": root, "sync": sync, "file_rows": int(file_rows)})
    log = DecisionLog(settings, convert=False)
    log.describe(MODEL, SIGNATURE)
    asyncio.run(record_for_ever(log))


if __name__ == "__main__":
    main(*sys.argv[1:])
