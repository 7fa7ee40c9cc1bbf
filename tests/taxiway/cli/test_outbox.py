"""`taxiway outbox`: what waits is seen, with why, and sent when it is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from taxiway.config.loader import load_config
from taxiway.notify import NotifyWebhook
from taxiway.registry.database.session import open_database
from taxiway.registry.outbox.messages import post
from tests.conftest import TINY, CommandLine
from tests.receiver import SECRET, Receiver


@pytest.fixture
def options(tmp_path: Path) -> Iterator[list[str]]:
    """Of a registry with two messages for the receiver."""
    assignment = f"output.root={tmp_path / 'var'}"
    database = open_database(load_config([TINY], [assignment]).registry)
    with database.working() as connection:
        for run_id in ("r1", "r2"):
            message = {"id": f"{run_id}:7", "run_id": run_id}
            target = NotifyWebhook(kind="webhook").model_dump()
            post(connection, "notify", message["id"], target, message)
    yield ["--config", TINY, "--set", assignment]
    database.engine.dispose()
    open_database.cache_clear()


def test_what_waits_is_sent_in_order_and_then_nothing_is_left(
    here: CommandLine, options: list[str], receiver: Receiver
) -> None:
    told = here("outbox", "list", *options)
    assert "2 waiting, 0 sending, 0 sent, 0 given up" in told.out
    told = here("outbox", "flush", *options)
    assert (told.code, told.out) == (0, "2 taken: 2 sent, 0 failed, 0 given up; 0 left\n")
    keys = [headers["Idempotency-Key"] for _, _, headers, _ in receiver.requests]
    assert keys == ["r1:7", "r2:7"]
    assert here("outbox", "list", "--json", *options).out == "[]\n"
    sent = json.loads(here("outbox", "list", "--all", "--json", *options).out)
    assert [one["state"] for one in sent] == ["sent", "sent"]


def test_a_receiver_that_is_down_is_said_with_its_answer_and_not_its_address(
    here: CommandLine, options: list[str], receiver: Receiver
) -> None:
    receiver.answer = 503
    told = here("outbox", "flush", *options)
    assert told.code == 1
    assert "2 taken: 0 sent, 2 failed, 0 given up; 0 left" in told.out
    assert "notify r1:7: the webhook of TAXIWAY_WEBHOOK_URL did not take" in told.out
    told = here("outbox", "flush", "--json", *options)
    counts = {"taken": 2, "sent": 0, "failed": 2, "given_up": 0, "left": 0}
    assert (told.code, json.loads(told.out)) == (1, counts)
    told = here("outbox", "list", *options)
    assert told.out.count("HTTP status 503") == 2
    assert SECRET not in told.out
