"""`taxiway rollout --gateway`: a gateway's own admin port moves the traffic, by its rules."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from taxiway.access.tokens import BearerTokens
from taxiway.delivery.section import Delivery
from taxiway.registry.auth.actor import Actor, Role
from taxiway.registry.auth.token_env import TOKEN_ENV
from taxiway.registry.auth.tokens import create_token, expiry
from taxiway.registry.database.session import Database
from taxiway.registry.section import SqliteRegistry
from taxiway.serving.gateway.admin.app import Operators, make_app
from taxiway.serving.gateway.metrics.recorder import Recorder
from tests.conftest import CommandLine, Finished
from tests.taxiway.registry.deploy.conftest import Site
from tests.taxiway.registry.routes.conftest import Traffic
from tests.taxiway.serving.gateway.gateways import Gateway
from tests.taxiway.serving.gateway.ports import served

MOST_SECONDS = "30"


class Following(Gateway):
    """A gateway that goes by the registry's routes, of the models of `parcels`."""

    def __init__(self, traffic: Traffic) -> None:
        super().__init__(model="parcels")
        self.traffic = traffic
        self.late = False

    def status(self) -> Any:
        (model,) = self.now.models
        revision = 0 if self.late else self.traffic.now.route.revision
        return dataclasses.replace(
            self.now, models=(dataclasses.replace(model, revision=revision),)
        )


class Desk:
    """Someone at a command line, and a gateway on this machine."""

    def __init__(self, traffic: Traffic, here: CommandLine) -> None:
        self.traffic = traffic
        self.gateway = Following(traffic)
        self._here = here

    def __call__(self, *words: str) -> Finished:
        """Runs a command while the gateway answers."""
        database = self.traffic.database

        async def main() -> Finished:
            with closing(BearerTokens(database)) as tokens:
                recorder = Recorder(["parcels"])
                parts = (self.gateway, recorder, database, tokens, "127.0.0.1", Delivery())
                app = make_app(Operators(*parts))
                async with served(app) as port:
                    url = f"http://127.0.0.1:{port}"
                    return await asyncio.to_thread(self._here, *words, "--gateway", url)

        return asyncio.run(main())


@pytest.fixture
def desk(tmp_path: Path, here: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.delenv(TOKEN_ENV, raising=False)
    path = tmp_path / "registry" / "registry.sqlite"
    database = Database(SqliteRegistry(kind="sqlite", path=str(path)))
    yield Desk(Traffic(Site(database, tmp_path)), here)
    database.close()


def test_it_moves_traffic_and_tells_the_same_as_the_registrys_way(desk: Desk) -> None:
    done = desk("rollout", "undo", "-m", "it is slow")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "parcels: 1.0.1 100% (revision 4; before: 1.0.2 100%)\ntaken up by 1 gateway\n"
    )
    assert desk.traffic.shares == {"1.0.1": ("stable", 100.0)}
    assert desk.traffic.now.reason == "it is slow"
    done = desk("rollout", "weights", "1.0.1=75", "1.0.0=25", "--json")
    assert [arm["weight"] for arm in json.loads(done.out)["arms"]] == [75.0, 25.0]
    done = desk("rollout", "promote", "parcels/1.0.0")
    assert done.out.startswith("parcels: 1.0.0 100% (revision 6; before: 1.0.1 75%, 1.0.0 25%)\n")
    assert desk.traffic.audited()[-3:] == ["rollout.undo", "rollout.weights", "rollout.promote"]


def test_a_gateway_that_does_not_take_it_up_is_told_with_exit_code_1(desk: Desk) -> None:
    desk.gateway.late = True
    done = desk("rollout", "undo", "--wait", "0")
    assert done.code == 1
    assert "has not taken it up after 0 s" in done.err
    assert desk.traffic.shares == {"1.0.1": ("stable", 100.0)}


def test_who_has_no_token_or_the_wrong_one_may_not(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = Actor("root", "system", Role.ADMIN)
    token = create_token(desk.traffic.database, system, "ann", Role.ADMIN, expiry("1d")).text
    done = desk("rollout", "undo", "--model", "parcels")
    assert (done.code, "TAXIWAY_TOKEN" in done.err) == (1, True)
    monkeypatch.setenv(TOKEN_ENV, token)
    done = desk("rollout", "undo", "--model", "parcels")
    assert (done.code, done.err) == (0, "")
    assert desk.traffic.now.moved_by == "ann"
    assert token not in done.out + done.err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("undo", "--revision", "2"), 1, "is at revision 3, and 2 was expected"),
        (("promote", "9.9.9"), 2, "no version '9.9.9'"),
        (("weights", "1.0.0=50"), 2, "the weights are 50, expected 100"),
        (("weights", "1.0.0=50", "1.0.0=50"), 2, "has more than one weight"),
        (("undo", "--set", "model.name=ships"), 2, "received --gateway and --set"),
    ],
)
def test_what_cannot_be_is_refused_as_by_the_registry(
    desk: Desk, words: tuple[str, ...], code: int, told: str
) -> None:
    done = desk("rollout", *words)
    assert (done.code, told in done.err) == (code, True), done.err
    assert desk.traffic.now.route.revision == 3


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8502", "ftp://127.0.0.1:1", "http://h:x", "http://h"]
)
def test_an_address_that_is_none_is_refused(here: CommandLine, url: str) -> None:
    done = here("rollout", "undo", "--gateway", url or "http://")
    assert (done.code, "expected its URL" in done.err) == (2, True)


def test_a_token_is_not_sent_to_another_machine_unencrypted(
    here: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_ENV, "secret-text")
    done = here("rollout", "undo", "--gateway", "http://192.0.2.1:8502", "--model", "parcels")
    assert done.code == 2
    assert "would go there unencrypted" in done.err
    assert "secret-text" not in done.err


def test_nobody_there_is_told(here: CommandLine) -> None:
    done = here("rollout", "undo", "--gateway", "http://127.0.0.1:1", "--model", "parcels")
    assert done.code == 1
    assert "the gateway 127.0.0.1:1 does not answer: Connection refused" in done.err


def test_nothing_heavy_is_imported_for_it() -> None:
    program = (
        "import sys\n"
        "from taxiway.cli.main import main\n"
        "words = ['undo', '--gateway', 'http://127.0.0.1:1', '--model', 'm']\n"
        "sys.argv = ['taxiway', 'rollout', *words]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'sqlalchemy', 'omegaconf', 'yaml', 'numpy', 'taxiway.config.schema', 'fastapi'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    line = [sys.executable, "-c", program]
    done = subprocess.run(line, capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout == "[]\n"
