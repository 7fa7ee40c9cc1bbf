"""`python -m taxiway.serving.decisions.experiments`: acts on what says `auto: true`, and ends.

It reads JSON: the registry's section, the environment, the log's root and its window in hours.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

from taxiway.serving.decisions.parquet.without_pandas import leave_out_pandas

leave_out_pandas()

from taxiway.registry.auth.current import current_actor  # noqa: E402
from taxiway.registry.database.session import open_database  # noqa: E402
from taxiway.registry.section import parse_registry  # noqa: E402
from taxiway.serving.decisions.experiments.auto import act_on_all  # noqa: E402

NICE = 19


def main(asked: dict[str, Any]) -> int:
    """At the lowest priority: what answers requests comes first. Whether there was trouble."""
    os.nice(NICE)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    database = open_database(parse_registry(json.dumps(asked["registry"])))
    actor = current_actor(database)
    root, window = Path(asked["root"]), asked["window_hours"]
    acted = act_on_all(database, actor, asked["environment"], root, window)
    database.close()
    return int(any(one.trouble for one in acted))


if __name__ == "__main__":
    sys.exit(main(json.load(sys.stdin)))
