"""What the page about serving tells is what there is: metrics, bounds, actions, the refusal."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from taxiway.config.serving import Limits
from taxiway.serving.gateway.admin.actions import ACTIONS
from taxiway.serving.gateway.metrics.exposition import Exposition
from tests.conftest import REPOSITORY, TINY, taxiway
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


def test_the_refusal_is_what_a_gateway_says_that_others_would_reach(tmp_path: Path) -> None:
    root = ("--config", TINY, "--set", f"output.root={tmp_path}")
    done = taxiway("serve", "--host", "0.0.0.0", *root)
    assert done.code == 2
    (told,) = re.findall(r"^error: serving.*$", PAGE, re.M)
    assert told in " ".join(done.err.split()), done.err
