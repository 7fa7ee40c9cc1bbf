"""`taxiway data`."""

from __future__ import annotations

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, resolve


def data(
    config: ConfigFiles = None, assignments: Assignments = None, as_json: AsJson = False
) -> None:
    """Export the example's spans."""
    from taxiway.runners.local.export import export_data

    export_data(resolve(config, assignments), as_json)
