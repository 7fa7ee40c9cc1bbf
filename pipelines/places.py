"""Where a run leaves what people look at."""

from __future__ import annotations

from configs.schema import Config


def report_folder(config: Config, run_id: str) -> str:
    """Where a run's report, log and resolved config are kept."""
    return f"{config.output.root}/reports/{run_id}"
