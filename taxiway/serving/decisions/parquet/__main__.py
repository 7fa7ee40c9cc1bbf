"""`python -m taxiway.serving.decisions.parquet ROOT DAYS`: converts what is closed, and ends."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from taxiway.serving.decisions.parquet.without_pandas import leave_out_pandas

leave_out_pandas()

from taxiway.serving.decisions.parquet.convert import convert_all  # noqa: E402
from taxiway.serving.decisions.upkeep.retention import clean  # noqa: E402

NICE = 19


def main(root: Path, retention_days: float) -> None:
    """At the lowest priority: what answers requests comes first."""
    os.nice(NICE)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    convert_all(root)
    clean(root, retention_days)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
