"""Nodes are named once: those that a wiring makes are those of its pipeline."""

from __future__ import annotations

from typing import Any

import pytest

from taxiway.config.loader import load_config
from tests.conftest import TINY

pytestmark = pytest.mark.pipeline


def test_every_node_made_since_is_collected_in_order() -> None:
    from tfx.dsl.components.common.importer import Importer
    from tfx.types.standard_artifacts import Schema

    from taxiway.runners.nodes.collector import NodeCollector

    def made(name: str) -> Any:
        return Importer(source_uri="/nowhere", artifact_type=Schema).with_id(name)

    made("of another pipeline, whose wiring failed")
    nodes = NodeCollector()
    expected = [made("First"), made("Second")]
    assert nodes.nodes() == expected


def test_a_pipeline_has_every_node_that_its_wiring_makes_and_no_other() -> None:
    from pipelines.exit import create_exit_pipeline
    from pipelines.training import create_pipeline

    config = load_config([TINY])
    for _ in range(2):
        assert len(create_pipeline(config).components) == 17
        assert len(create_exit_pipeline(config, "run").components) == 2
