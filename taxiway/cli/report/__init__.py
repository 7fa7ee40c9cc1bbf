"""`taxiway report`: where a run's report is, or what it says in short."""

from taxiway.cli.report.command import report

__all__ = ["report"]
