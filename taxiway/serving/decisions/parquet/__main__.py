"""`python -m taxiway.serving.decisions.parquet ROOT DAYS`: converts what is closed, and ends."""

from __future__ import annotations

import logging
import os
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any


class _NoPandas(MetaPathFinder):
    """Arrow imports pandas where there is one, which takes a second, and does without otherwise."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:  # noqa: ARG002  # Python's
        """Refuses pandas; others look for the rest."""
        if fullname == "pandas":
            raise ModuleNotFoundError("left out: it is not needed here", name=fullname)


sys.meta_path.insert(0, _NoPandas())

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
