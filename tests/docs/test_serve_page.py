"""What the page about serving tells is what there is: metrics, bounds, actions, the refusal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from taxiway.config.serving import Limits
from taxiway.registry.auth.actor import system_actor
from taxiway.registry.database.session import Database
from taxiway.registry.section import SqliteRegistry
from taxiway.serving.gateway.admin.actions import ACTIONS
from taxiway.serving.gateway.metrics.exposition import Exposition
from tests.conftest import REPOSITORY, TINY, taxiway
from tests.taxiway.delivery.rollout.conftest import CANARY, Delivered, delivery
from tests.taxiway.registry.deploy.conftest import Site
from tests.taxiway.serving.gateway.admin.conftest import Port
from tests.taxiway.serving.gateway.gateways import Gateway, a_recorder, an_answer, an_ask

PAGE = (REPOSITORY / "docs/how-to/serve.md").read_text()


def test_every_metric_is_on_it_and_no_other() -> None:
    recorder = a_recorder()
    recorder.answered(an_ask(), an_answer(), 0.001)
    page = Exposition(recorder, Gateway()).page().decode()
    types = {family.name: family.type for family in text_string_to_metric_families(page)}
    names = {f"{name}_total" if kind == "counter" else name for name, kind in types.items()}
    ours = {name for name in names if not name.startswith(("process_", "python_"))}
    told = re.findall(r"`(taxiway_\w+|:tensorflow:serving:\w+|request_\w+_seconds)`", PAGE)
    assert set(told) == ours


def test_the_bounds_on_it_are_the_configs() -> None:
    table = PAGE.partition("`serving.limits`")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", table))
    assert len(named) > 5
    assert named <= set(Limits.model_fields)


def test_every_action_is_on_it() -> None:
    assert set(re.findall(r"/api/models/flights/(\w+)", PAGE)) == set(ACTIONS)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_what_it_types_to_move_traffic_moves_it(tmp_path: Path) -> None:
    """In the order of the page; its model and versions are those of the test's registry."""
    section = PAGE.partition("## Move traffic over HTTP")[2].partition("\n## ")[0]
    lines = re.findall(r"^curl .*:8502/api/.*$", section, re.M)
    assert len(lines) == len(ACTIONS) + 1  # promote is there twice
    for ours, theirs in (("flights", "parcels"), ("1.1.0", "1.0.1"), ("1.2.0", "1.0.2")):
        lines = [line.replace(ours, theirs) for line in lines]
    registry = Database(SqliteRegistry(kind="sqlite", path=str(tmp_path / "registry.sqlite")))
    with contextlib.closing(registry):
        traffic = Delivered(Site(registry, tmp_path / "site"))
        port = Port(registry, delivery=delivery(CANARY))

        async def typed(number: int) -> list[dict[str, Any]]:
            told = []
            for line in lines:
                words = shlex.split(line.replace(":8502", f":{number}"), comments=True)
                done = await asyncio.to_thread(
                    subprocess.run, words, capture_output=True, check=True
                )
                told.append(json.loads(done.stdout))
            return told

        told = port.run(typed)
        assert [one["error"] for one in told if "error" in one] == []
        assert traffic.shares == {"1.0.1": ("stable", 100.0)}  # what was promoted first
        assert traffic.rollout.phase == "Degraded"
        assert traffic.rollout.reason == f"aborted by {system_actor().name}: slow"


def test_the_refusal_is_what_a_gateway_says_that_others_would_reach(tmp_path: Path) -> None:
    root = ("--config", TINY, "--set", f"output.root={tmp_path}")
    done = taxiway("serve", "--host", "0.0.0.0", *root)
    assert done.code == 2
    (told,) = re.findall(r"^error: serving.*$", PAGE, re.M)
    assert told in " ".join(done.err.split()), done.err
