"""Notify: who is away when a run ends hears of it later, and nothing is lost with the registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.notify.logic import tell
from taxiway.errors import TaxiwayError
from taxiway.notify import NotifyFile, NotifyNone, NotifyWebhook, message_of
from taxiway.registry.database.session import Database
from taxiway.registry.outbox.drain import drain
from taxiway.registry.outbox.messages import list_messages, post
from taxiway.registry.section import SqliteRegistry
from tests.receiver import Receiver

WEBHOOK = NotifyWebhook(kind="webhook", timeout_seconds=5)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(SqliteRegistry(kind="sqlite", path=str(tmp_path / "r" / "registry.sqlite")))
    yield opened
    if "engine" in vars(opened):
        opened.engine.dispose()


@pytest.fixture
def broken(tmp_path: Path) -> Database:
    """A registry that cannot be opened."""
    path = tmp_path / "broken.sqlite"
    path.write_text("not a database, and long enough for SQLite to see it" * 20)
    return Database(SqliteRegistry(kind="sqlite", path=str(path)))


def message(run_id: str) -> dict[str, object]:
    return message_of({"run_id": run_id, "last_execution": 7, "outcome": "failed"})


def keys(receiver: Receiver) -> list[str]:
    return [headers["Idempotency-Key"] for _, _, headers, _ in receiver.requests]


def test_a_receiver_that_was_down_gets_both_at_the_next_run_in_order(
    database: Database, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answer = 503
    tell(WEBHOOK, database, message("r1"))
    (waiting,) = list_messages(database)
    assert "HTTP status 503" in waiting.error
    assert f"r1:7 is not sent yet: {waiting.error}" in caplog.messages
    receiver.requests.clear()
    receiver.answer = 204
    tell(WEBHOOK, database, message("r2"))
    assert keys(receiver) == ["r1:7", "r2:7"]
    assert [json.loads(body)["run_id"] for *_, body in receiver.requests] == ["r1", "r2"]
    assert list_messages(database) == []


def test_an_end_that_is_told_again_is_sent_once(database: Database, receiver: Receiver) -> None:
    for _ in range(2):
        tell(WEBHOOK, database, message("r1"))
    assert keys(receiver) == ["r1:7"]


def test_an_end_whose_teller_was_killed_is_told_by_the_next_at_once(
    database: Database, receiver: Receiver
) -> None:
    def killed(*_: object) -> None:
        raise SystemExit

    told = message("r1")
    with database.working() as connection:
        post(connection, "notify", "r1:7", WEBHOOK.model_dump(mode="json"), told)
    with pytest.raises(SystemExit):
        drain(database, {"notify": killed})
    tell(WEBHOOK, database, told)
    assert keys(receiver) == ["r1:7"]


def test_what_waits_for_another_receiver_is_left_alone(
    database: Database, receiver: Receiver, tmp_path: Path
) -> None:
    """Its address may be in another environment, its file on another machine."""
    receiver.answer = 503
    tell(WEBHOOK, database, message("r1"))
    told = tmp_path / "told.jsonl"
    tell(NotifyFile(kind="file", path=str(told)), database, message("r2"))
    assert keys(receiver) == ["r1:7"]
    assert [json.loads(line)["run_id"] for line in told.read_text().splitlines()] == ["r2"]


def test_without_a_registry_the_message_is_sent_at_once(
    broken: Database, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    tell(WEBHOOK, broken, message("r1"))
    assert keys(receiver) == ["r1:7"]
    assert "the outbox cannot be used" in caplog.text


def test_without_a_registry_and_a_receiver_the_node_says_so(
    broken: Database, receiver: Receiver
) -> None:
    receiver.answer = 503
    with pytest.raises(TaxiwayError, match="HTTP status 503"):
        tell(WEBHOOK, broken, message("r1"))


def test_a_registry_that_fails_after_the_message_is_in_it_costs_nothing(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise TaxiwayError("the registry failed", edit="registry.host")

    monkeypatch.setattr("components.notify.logic.drain", fails)
    tell(WEBHOOK, database, message("r1"))
    assert keys(receiver) == []
    assert [one.key for one in list_messages(database)] == ["r1:7"]


def test_where_no_one_is_to_be_told_there_is_no_outbox(database: Database) -> None:
    tell(NotifyNone(kind="none"), database, message("r1"))
    assert not Path(database.place).exists()
