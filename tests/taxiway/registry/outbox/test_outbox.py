"""The outbox: each message at least once, in order, and none is lost or sent by two at once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from taxiway.errors import TaxiwayError
from taxiway.notify import NotifyFile, NotifyWebhook
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import outbox
from taxiway.registry.outbox.drain import (
    BACKOFF_SECONDS,
    LEASE_SECONDS,
    PATIENCE_SECONDS,
    TRIES,
    Drained,
    drain,
    retry_given_up,
)
from taxiway.registry.outbox.messages import (
    GIVEN_UP,
    SENDING,
    SENT,
    WAITING,
    OutboxMessage,
    counts,
    list_messages,
    post,
)
from taxiway.registry.outbox.senders import SENDERS, ReceiverAway
from tests.conftest import REPOSITORY
from tests.receiver import SECRET, Receiver
from tests.tied import tied

TARGET = {"kind": "webhook", "url_env": "TAXIWAY_WEBHOOK_URL", "timeout_seconds": 5.0}
ALL = (WAITING, SENDING, SENT, GIVEN_UP)


class Elsewhere:
    """Another system: it takes messages, or is down, or dislikes some."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.down = False
        self.disliked: set[str] = set()

    def __call__(self, target: Mapping[str, Any], payload: Mapping[str, Any]) -> None:
        if self.down or payload["id"] in self.disliked:
            raise TaxiwayError(f"{payload['id']} was not taken", edit="nothing")
        self.got.append(payload["id"])


class Clock:
    """Far from a whole number of minutes, so that a column that rounds times is seen."""

    def __init__(self) -> None:
        self.now = 1_790_000_123.25

    def __call__(self) -> float:
        return self.now


def put(
    database: Database, *keys: str, kind: str = "notify", target: Mapping[str, Any] = TARGET
) -> None:
    with database.working() as connection:
        for key in keys:
            post(connection, kind, key, target, {"id": key})


def only(database: Database) -> OutboxMessage:
    (message,) = list_messages(database, ALL)
    return message


class TestPosting:
    def test_a_message_is_one_row_however_often_it_is_posted(self, database: Database) -> None:
        with database.working() as connection:
            payload = {"id": "r1:7", "outcome": "failed", "auc": 0.5}
            assert post(connection, "notify", "r1:7", TARGET, payload)
            assert not post(connection, "notify", "r1:7", TARGET, {"id": "other"})
        message = only(database)
        assert (message.kind, message.key, message.state) == ("notify", "r1:7", "waiting")
        assert (message.target, message.payload) == (TARGET, payload)
        assert (message.tries, message.error, message.sent_at) == (0, "", "")

    def test_a_key_belongs_to_a_kind(self, database: Database) -> None:
        put(database, "r1:7")
        put(database, "r1:7", kind="another")
        assert len(list_messages(database)) == 2

    def test_what_is_rolled_back_is_never_sent(self, database: Database) -> None:
        with database.working() as connection:
            post(connection, "notify", "r1:7", TARGET, {"id": "r1:7"})
            connection.rollback()
        assert drain(database, {"notify": Elsewhere()}) == Drained()

    def test_any_text_that_a_failure_may_hold_survives(self, database: Database) -> None:
        nasty = "a\x00b \ud800 \U0001f6eb 'quoted' \\ ünïc"
        with database.working() as connection:
            post(connection, "notify", "r1:7", TARGET, {"id": "r1:7", "failure": nasty})
        assert only(database).payload["failure"] == nasty

    def test_those_of_one_run_are_found_whatever_its_id_holds(self, database: Database) -> None:
        put(database, "r_1:7", "r_1:9", "rx1:7")
        assert [one.key for one in list_messages(database, key_prefix="r_1:")] == ["r_1:7", "r_1:9"]


class TestDraining:
    def test_the_oldest_is_sent_first_and_each_once(self, database: Database) -> None:
        elsewhere = Elsewhere()
        put(database, "r2:1", "r1:1", "r3:1")
        assert drain(database, {"notify": elsewhere}) == Drained(taken=3, sent=3)
        assert drain(database, {"notify": elsewhere}) == Drained()
        assert elsewhere.got == ["r2:1", "r1:1", "r3:1"]
        assert counts(database) == {"waiting": 0, "sending": 0, "sent": 3, "given_up": 0}

    def test_no_more_than_the_limit_is_sent(self, database: Database) -> None:
        put(database, "r1:1", "r2:1", "r3:1")
        done = drain(database, {"notify": Elsewhere()}, limit=2)
        assert done == Drained(taken=2, sent=2, left=1)

    def test_nothing_is_begun_after_the_time_that_is_given(self, file_database: Database) -> None:
        clock, elsewhere = Clock(), Elsewhere()

        def slow(target: Mapping[str, Any], payload: Mapping[str, Any]) -> None:
            clock.now += 10
            elsewhere(target, payload)

        put(file_database, "r1:1", "r2:1", "r3:1")
        done = drain(file_database, {"notify": slow}, clock=clock, seconds=15)
        assert done == Drained(taken=2, sent=2, left=1)

    def test_a_message_that_is_not_taken_holds_up_none_after_it(self, database: Database) -> None:
        elsewhere = Elsewhere()
        elsewhere.disliked = {"r1:1"}
        put(database, "r1:1", "r2:1")
        assert drain(database, {"notify": elsewhere}) == Drained(taken=2, sent=1, failed=1)
        (message,) = list_messages(database)
        assert (message.key, message.tries) == ("r1:1", 1)
        assert message.error.startswith("r1:1 was not taken")

    def test_what_failed_waits_longer_each_time(self, database: Database) -> None:
        clock, elsewhere = Clock(), Elsewhere()
        elsewhere.down = True
        put(database, "r1:1")
        for seconds in BACKOFF_SECONDS:
            assert drain(database, {"notify": elsewhere}, clock=clock).failed == 1
            assert only(database).next_try == clock.now + seconds
            clock.now += seconds - 0.25
            assert drain(database, {"notify": elsewhere}, clock=clock) == Drained(left=1)
            clock.now += 0.25
        elsewhere.down = False
        assert drain(database, {"notify": elsewhere}, clock=clock).sent == 1
        assert only(database).error == ""

    def test_who_comes_seldom_does_not_wait_and_keeps_the_order(self, database: Database) -> None:
        clock, elsewhere = Clock(), Elsewhere()
        elsewhere.down = True
        put(database, "r1:1")
        drain(database, {"notify": elsewhere}, clock=clock, early=True)
        elsewhere.down = False
        put(database, "r2:1")
        assert drain(database, {"notify": elsewhere}, clock=clock, early=True).sent == 2
        assert elsewhere.got == ["r1:1", "r2:1"]

    def test_a_message_is_given_up_after_its_tries_and_two_days_and_says_why(
        self, database: Database
    ) -> None:
        clock, elsewhere = Clock(), Elsewhere()
        elsewhere.down = True
        put(database, "r1:1")
        clock.now = time.time()
        for _ in range(TRIES + 5):  # a sweep of short runs
            done = drain(database, {"notify": elsewhere}, clock=clock, early=True)
            assert done == Drained(taken=1, failed=1)
        clock.now += PATIENCE_SECONDS + 1
        assert drain(database, {"notify": elsewhere}, clock=clock) == Drained(taken=1, given_up=1)
        assert drain(database, {"notify": elsewhere}, clock=clock, early=True) == Drained()
        message = only(database)
        assert (message.state, message.tries) == ("given_up", TRIES + 6)
        assert "r1:1 was not taken" in message.error
        elsewhere.down = False
        assert retry_given_up(database) == 1
        assert drain(database, {"notify": elsewhere}, clock=clock).sent == 1

    def test_only_those_to_one_receiver_are_sent_where_one_is_named(
        self, database: Database
    ) -> None:
        elsewhere, other = Elsewhere(), {**TARGET, "url_env": "OTHER"}
        put(database, "r1:1", target=other)
        put(database, "r2:1")
        done = drain(database, {"notify": elsewhere}, target=TARGET)
        assert done == Drained(taken=1, sent=1)
        assert elsewhere.got == ["r2:1"]
        assert [one.key for one in list_messages(database)] == ["r1:1"]

    def test_of_a_receiver_that_is_away_one_message_is_tried_and_another_gets_its_own(
        self, database: Database
    ) -> None:
        elsewhere, other = Elsewhere(), {**TARGET, "url_env": "OTHER"}

        def sender(target: Mapping[str, Any], payload: Mapping[str, Any]) -> None:
            if target == TARGET:
                raise ReceiverAway("no one answers", edit="nothing")
            elsewhere(target, payload)

        put(database, "r1:1", "r2:1")
        put(database, "r3:1", target=other)
        done = drain(database, {"notify": sender})
        assert done == Drained(taken=2, sent=1, failed=1, left=1)
        assert elsewhere.got == ["r3:1"]
        assert [one.tries for one in list_messages(database)] == [1, 0]

    def test_what_was_given_up_of_one_kind_is_tried_anew_without_the_others(
        self, file_database: Database
    ) -> None:
        put(file_database, "r1:1")
        put(file_database, "r1:1", kind="another")
        with file_database.working() as connection:
            connection.execute(update(outbox).values(state=GIVEN_UP))
        assert retry_given_up(file_database, "another") == 1
        states = {one.kind: one.state for one in list_messages(file_database)}
        assert states == {"notify": "given_up", "another": "waiting"}

    def test_a_kind_that_no_one_sends_here_stays(self, database: Database) -> None:
        put(database, "r1:1", kind="of a later release")
        assert drain(database, SENDERS) == Drained()
        assert only(database).state == "waiting"

    def test_an_error_of_unknown_kind_does_not_give_an_address_away(
        self, file_database: Database
    ) -> None:
        def careless(target: Mapping[str, Any], payload: Mapping[str, Any]) -> None:
            raise ValueError(f"unknown url type: {SECRET}")

        put(file_database, "r1:1")
        drain(file_database, {"notify": careless})
        assert only(file_database).error == "ValueError"

    def test_a_target_of_another_release_is_an_error_of_that_message(
        self, file_database: Database
    ) -> None:
        put(file_database, "r1:1", target={"kind": "pigeon"})
        assert drain(file_database, SENDERS).failed == 1
        assert only(file_database).error == "ValidationError"


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["post", "drain", "early", "down", "up", "an hour", "a day"]),
        st.integers(0, 4),
    ),
    max_size=30,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(actions=ACTIONS)
def test_whatever_happens_each_message_is_sent_once_or_waits_or_is_given_up(
    file_database: Database, actions: list[tuple[str, int]]
) -> None:
    with file_database.working() as connection:
        connection.execute(delete(outbox))
    clock, elsewhere, posted = Clock(), Elsewhere(), 0
    elsewhere.disliked = {"r3"}
    for action, number in actions:
        if action == "post":
            put(file_database, f"r{posted}")
            posted += 1
        elif action in ("drain", "early"):
            before = counts(file_database)
            done = drain(
                file_database, {"notify": elsewhere}, number, clock, early=action == "early"
            )
            assert done.taken == done.sent + done.failed + done.given_up <= number
            assert before["waiting"] == done.sent + done.failed + done.given_up + done.left
        elif action in ("down", "up"):
            elsewhere.down = action == "down"
        else:
            clock.now += {"an hour": 3600, "a day": 86400}[action]
        found = counts(file_database)
        assert sum(found.values()) == posted
        assert found["sent"] == len(elsewhere.got) == len(set(elsewhere.got))


KILLED = """
import os, signal, sys
from taxiway.registry.database.session import Database
from taxiway.registry.outbox.drain import drain
from taxiway.registry.outbox.senders import SENDERS, ReceiverAway
from taxiway.registry.section import parse_registry

def send_and_die(target, payload):
    SENDERS["notify"](target, payload)
    os.kill(os.getpid(), signal.SIGKILL)

drain(Database(parse_registry(sys.argv[1])), {"notify": send_and_die})
"""
DRAINS = """
import json, sys
from dataclasses import asdict
from taxiway.registry.database.session import Database
from taxiway.registry.outbox.drain import drain
from taxiway.registry.outbox.senders import SENDERS, ReceiverAway
from taxiway.registry.section import parse_registry

database = Database(parse_registry(sys.argv[1]))
database.engine
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps(asdict(drain(database, SENDERS))))
"""


def started(database: Database, script: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        tied(sys.executable, "-c", script, database.settings.model_dump_json()),
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


class TestProcesses:
    def test_one_that_is_killed_between_sending_and_saying_so_has_it_sent_again_as_the_same(
        self, database: Database, receiver: Receiver, tmp_path: Path
    ) -> None:
        told = tmp_path / "told.jsonl"
        file = NotifyFile(kind="file", path=str(told)).model_dump()
        webhook = NotifyWebhook(kind="webhook").model_dump()
        put(database, "r1:7", target=webhook)
        put(database, "r1:8", target=file)
        for _ in range(2):
            with started(database, KILLED) as process:
                assert process.wait() == -signal.SIGKILL
        assert [json.loads(line) for line in told.read_text().splitlines()] == [{"id": "r1:8"}]

        assert drain(database, SENDERS, early=True) == Drained(left=2)  # they may be at it yet
        later = max(message.next_try for message in list_messages(database))
        assert drain(database, SENDERS, clock=lambda: later) == Drained(taken=2, sent=2)
        assert [headers["Idempotency-Key"] for _, _, headers, _ in receiver.requests] == [
            "r1:7",
            "r1:7",
        ]
        assert receiver.requests[0][3] == receiver.requests[1][3]
        assert len(told.read_text().splitlines()) == 1
        assert [message.tries for message in list_messages(database, ALL)] == [2, 2]

    def test_two_that_drain_at_once_send_each_message_once(
        self, database: Database, receiver: Receiver
    ) -> None:
        keys = [f"r{number}:1" for number in range(40)]
        put(database, *keys)
        with started(database, DRAINS) as first, started(database, DRAINS) as second:
            for process in (first, second):
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
            for process in (first, second):
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
            told = [json.loads(process.communicate()[0]) for process in (first, second)]
        assert sum(one["sent"] for one in told) == sum(one["taken"] for one in told) == 40
        got = [headers["Idempotency-Key"] for _, _, headers, _ in receiver.requests]
        assert sorted(got) == sorted(keys)
        assert counts(database)["sent"] == 40

    def test_a_lease_that_ran_out_is_anothers_and_what_was_sent_stays_sent(
        self, database: Database
    ) -> None:
        clock, elsewhere = Clock(), Elsewhere()
        inner: list[Drained] = []

        def slow(target: Mapping[str, Any], payload: Mapping[str, Any]) -> None:
            clock.now += LEASE_SECONDS
            inner.append(drain(database, {"notify": elsewhere}, clock=clock))
            raise TaxiwayError("timed out", edit="nothing")

        put(database, "r1:1")
        drain(database, {"notify": slow}, clock=clock)
        assert inner == [Drained(taken=1, sent=1)]
        assert only(database).state == "sent"


def test_every_kind_has_a_sender_that_tells_what_went_wrong(
    file_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TAXIWAY_WEBHOOK_URL", raising=False)
    put(file_database, "r1:1")
    drain(file_database, SENDERS)
    assert "TAXIWAY_WEBHOOK_URL holds no http(s) address" in only(file_database).error
