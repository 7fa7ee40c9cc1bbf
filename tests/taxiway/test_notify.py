"""Notify: each notifier delivers, or says why not, and never gives the address away."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from taxiway.config.loader import load_config, to_json, to_yaml
from taxiway.errors import TaxiwayError
from taxiway.notify import (
    Notify,
    NotifyFile,
    NotifyNone,
    NotifyWebhook,
    message_of,
    parse,
)
from tests.conftest import TINY
from tests.receiver import SECRET, VARIABLE, Receiver

MESSAGE = {"pipeline": "parcels", "run_id": "r1", "outcome": "failed", "failure": {"node": "Ünïc"}}
WEBHOOK = NotifyWebhook(kind="webhook", timeout_seconds=5)


def refusal(config: NotifyWebhook = WEBHOOK) -> str:
    with pytest.raises(TaxiwayError) as refused:
        config.send(MESSAGE)
    assert VARIABLE in refused.value.message
    assert VARIABLE in refused.value.edit
    assert refused.value.__cause__ is None
    text = str(refused.value)
    assert SECRET not in text
    return text


class TestWebhook:
    def test_it_posts_the_message_as_json(self, receiver: Receiver) -> None:
        WEBHOOK.send(MESSAGE)
        ((method, path, headers, body),) = receiver.requests
        assert (method, path) == ("POST", f"/hooks/{SECRET}")
        assert headers["Content-Type"] == "application/json"
        assert json.loads(body) == MESSAGE

    def test_a_line_break_after_the_address_is_no_part_of_it(
        self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(VARIABLE, receiver.url + "\n")
        WEBHOOK.send(MESSAGE)
        assert receiver.requests[0][1] == f"/hooks/{SECRET}"

    @pytest.mark.parametrize("status", [404, 500])
    def test_a_receiver_that_refuses_is_told_with_its_status(
        self, receiver: Receiver, status: int
    ) -> None:
        receiver.answer = status
        assert f"HTTP status {status}" in refusal()

    def test_a_receiver_that_hangs_up_is_told(self, receiver: Receiver) -> None:
        receiver.answer = None
        assert "closed connection" in refusal()

    def test_a_receiver_that_does_not_answer_is_left_after_the_timeout(
        self, receiver: Receiver
    ) -> None:
        receiver.answer = 0
        config = NotifyWebhook(kind="webhook", timeout_seconds=0.05)
        assert "timed out" in refusal(config)

    def test_a_refused_connection_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as free:  # bound, but no one listens
            free.bind(("127.0.0.1", 0))
            monkeypatch.setenv(VARIABLE, f"http://127.0.0.1:{free.getsockname()[1]}/{SECRET}")
            assert "Connection refused" in refusal()

    def test_a_variable_that_is_not_set_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(VARIABLE, raising=False)
        assert f"{VARIABLE} holds no http(s) address" in refusal()

    @pytest.mark.parametrize(
        "address",
        [
            f"file:///etc/{SECRET}",
            f"ftp://host/{SECRET}",
            SECRET,
            f"http:///{SECRET}",
            f"http://[bad/{SECRET}",
            f"http://host/{SECRET}-é",
        ],
    )
    def test_an_address_that_is_not_of_the_web_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, address: str
    ) -> None:
        monkeypatch.setenv(VARIABLE, address)
        assert "holds no http(s) address" in refusal()

    @pytest.mark.parametrize("address", [f"http://host/{SECRET} x", f"http://host:{SECRET}/"])
    def test_an_address_that_cannot_be_dialled_is_not_quoted(
        self, monkeypatch: pytest.MonkeyPatch, address: str
    ) -> None:
        monkeypatch.setenv(VARIABLE, address)
        assert "InvalidURL" in refusal()

    def test_the_config_holds_the_name_of_the_variable_and_not_its_value(
        self, receiver: Receiver
    ) -> None:
        config = load_config([TINY], ["notify.kind=webhook"])
        dumped = to_yaml(config) + to_json(config) + repr(config) + config.notify.model_dump_json()
        assert VARIABLE in dumped
        assert SECRET not in dumped
        assert str(receiver.server_port) not in dumped


def test_the_file_notifier_adds_one_line_a_run_and_makes_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "notifications.jsonl"
    config = NotifyFile(kind="file", path=str(path))
    config.send(MESSAGE)
    config.send({**MESSAGE, "run_id": "r2"})
    assert [json.loads(line)["run_id"] for line in path.read_text().splitlines()] == ["r1", "r2"]


def test_a_line_that_is_there_is_not_added_again(tmp_path: Path) -> None:
    config = NotifyFile(kind="file", path=str(tmp_path / "told.jsonl"))
    messages = [{**MESSAGE, "id": id} for id in ("r1:7", "r1:9", "r1:7", "r1:9")]
    for message in messages:
        config.send(message)
    lines = (tmp_path / "told.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["r1:7", "r1:9"]


def test_a_line_whose_writer_was_killed_in_it_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "told.jsonl"
    path.write_text('{"run_id": "r')
    config = NotifyFile(kind="file", path=str(path))
    config.send(MESSAGE)
    torn, whole = path.read_text().splitlines()
    assert torn == '{"run_id": "r'
    assert json.loads(whole) == MESSAGE


def test_no_one_is_told_where_the_config_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    NotifyNone(kind="none").send(MESSAGE)
    assert list(tmp_path.iterdir()) == []


EXAMPLES = (
    NotifyNone(kind="none"),
    NotifyFile(kind="file", path="told.jsonl"),
    NotifyWebhook(kind="webhook", url_env="OTHER_URL", timeout_seconds=1.5),
)


@pytest.mark.parametrize("config", EXAMPLES, ids=lambda config: str(config.kind))
def test_a_section_survives_the_way_to_the_component(config: Any) -> None:
    assert parse(config.model_dump_json()) == config


def test_every_kind_of_the_section_is_tested_here() -> None:
    kinds = TypeAdapter(Notify).json_schema()["discriminator"]["mapping"]
    assert set(kinds) == {config.kind for config in EXAMPLES}


def test_a_message_is_the_gist_of_a_report() -> None:
    report = {
        **{key: f"the {key}" for key in ("pipeline", "run_id", "outcome", "version", "pushed_to")},
        "failure": None,
        "evaluation": {"overall": {"auc": 0.7}, "reasons": ["left out"]},
        "config": "left out",
        "nodes": ["left out"],
    }
    message = message_of(report)
    assert message["metrics"] == {"auc": 0.7}
    assert message["version"] == "the version"
    assert "left out" not in json.dumps(message)


def test_the_same_end_told_again_has_the_same_id_and_a_resumed_run_another(
    receiver: Receiver,
) -> None:
    ends = ({"run_id": "r1", "last_execution": end} for end in (17, 17, 19))
    for end in ends:
        WEBHOOK.send(message_of(end))
    ids = [json.loads(body)["id"] for _, _, _, body in receiver.requests]
    assert ids == ["r1:17", "r1:17", "r1:19"]
    assert [headers["Idempotency-Key"] for _, _, headers, _ in receiver.requests] == ids


def test_a_run_that_did_not_reach_its_evaluation_has_no_metrics() -> None:
    message = message_of({"run_id": "r1", "evaluation": None})
    assert message["metrics"] == {}
    assert message["version"] is None


@pytest.mark.pipeline
def test_the_component_reads_the_report_and_tells(tmp_path: Path) -> None:
    from components.artifacts import RunReport
    from components.notify.component import Notify_Executor
    from taxiway.registry.section import SqliteRegistry

    (tmp_path / "report.json").write_text(json.dumps({"run_id": "r9", "outcome": "succeeded"}))
    report = RunReport()
    report.uri = str(tmp_path)
    config = NotifyFile(kind="file", path=str(tmp_path / "told.jsonl"))
    registry = SqliteRegistry(kind="sqlite", path=str(tmp_path / "registry.sqlite"))
    parameters = {"config": config.model_dump_json(), "registry": registry.model_dump_json()}
    Notify_Executor().Do({"report": [report]}, {}, parameters)
    assert json.loads((tmp_path / "told.jsonl").read_text())["run_id"] == "r9"
