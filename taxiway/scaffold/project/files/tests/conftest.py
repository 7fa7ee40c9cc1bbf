"""What tests share: where the project is, and a tiny model that pipelines can be compiled with."""

from __future__ import annotations

from pathlib import Path

pytest_plugins = ["taxiway.testing.plugin"]

REPOSITORY = Path(__file__).parents[1]
TINY = str(REPOSITORY / "tests" / "tiny" / "tiny.yaml")
"""A config with a model and data of its own, for tests of what is no model's."""
