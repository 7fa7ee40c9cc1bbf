"""The operators' port: who may read and who may act, and that other sites may do neither."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from taxiway.registry.auth.actor import Role
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import audit
from tests.taxiway.registry.deploy.conftest import Site
from tests.taxiway.registry.routes.conftest import Traffic
from tests.taxiway.serving.gateway.admin.conftest import Port
from tests.taxiway.serving.gateway.conftest import Token
from tests.taxiway.serving.gateway.gateways import a_refusal, an_answer, an_ask

PROMOTE = "/api/models/parcels/promote"


@pytest.fixture
def traffic(registry: Database, tmp_path: Path) -> Traffic:
    """Of parcels, whose version 1.0.2 has it all."""
    return Traffic(Site(registry, tmp_path / "site"))


def audited(database: Database) -> list[tuple[str, str, str]]:
    with database.reading() as connection:
        rows = connection.execute(audit.select().order_by(audit.c.sequence)).mappings()
        return [(row["actor"], row["action"], row["reason"]) for row in rows]


class TestHealth:
    @pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
    def test_it_takes_no_token_anywhere(self, open_port: Port, path: str) -> None:
        assert open_port.ask("GET", path).status_code == 200

    def test_it_is_ready_when_the_gateway_is(self, port: Port) -> None:
        port.gateway.is_ready = False
        assert port.ask("GET", "/readyz").status_code == 503
        assert port.ask("GET", "/livez").status_code == 200


class TestReading:
    @pytest.mark.parametrize(
        "path", ["/metrics", "/monitoring/prometheus/metrics", "/api/status", "/api/openapi.json"]
    )
    def test_from_elsewhere_it_takes_any_token(
        self, open_port: Port, token: Token, path: str
    ) -> None:
        refused = open_port.ask("GET", path)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert open_port.ask("GET", path, token("ben", Role.VIEWER)).status_code == 200

    def test_on_loopback_it_takes_none(self, port: Port, token: Token) -> None:
        token()
        page = port.ask("GET", "/metrics")
        assert page.headers["content-type"].startswith("text/plain")
        assert (
            'taxiway_version_weight{arm="stable",model="parcels",version="1.0.0"} 0.9' in page.text
        )

    def test_the_status_tells_the_last_minute_of_each_version(self, port: Port) -> None:
        port.recorder.tick(0.0)
        for _ in range(3):
            port.recorder.answered(an_ask(model="parcels"), an_answer(), 0.0035)
        port.recorder.refused(an_ask(model="parcels"), a_refusal(), 0.001)
        told = port.ask("GET", "/api/status").json()
        (model,) = told["models"]
        assert (told["ready"], model["name"], model["revision"]) == (True, "parcels", 12)
        assert (model["recent"]["requests"], model["recent"]["error_rate"]) == (4, 0.25)
        newest, stable = model["versions"]
        assert (newest["version"], newest["labels"]) == ("1.1.0", ["candidate"])
        assert newest["restarts"] == 2
        assert 3 < stable["recent"]["p50_ms"] <= 4
        assert newest["recent"]["p50_ms"] is None


class TestActing:
    def test_the_systems_user_acts_from_loopback_while_there_is_no_token(
        self, port: Port, traffic: Traffic
    ) -> None:
        told = port.ask("POST", PROMOTE, json={"version": "1.0.0", "reason": "it was better"})
        assert told.status_code == 200, told.text
        assert told.json()["moved"]
        assert traffic.shares == {"1.0.0": ("stable", 100.0)}
        assert audited(traffic.database)[-1][1:] == ("rollout.promote", "it was better")

    def test_once_there_is_a_token_it_does_not(
        self, port: Port, traffic: Traffic, token: Token
    ) -> None:
        token()
        told = port.ask("POST", PROMOTE, json={"version": "1.0.0"})
        assert told.status_code == 401
        assert told.headers["www-authenticate"] == "Bearer"
        assert "1.0.2" in traffic.shares

    def test_nobody_acts_from_elsewhere_without_one(
        self, open_port: Port, traffic: Traffic
    ) -> None:
        assert open_port.ask("POST", PROMOTE, json={"version": "1.0.0"}).status_code == 401
        assert "1.0.2" in traffic.shares

    @pytest.mark.parametrize(
        ("role", "status"),
        [(Role.VIEWER, 403), (Role.AUTHOR, 403), (Role.APPROVER, 403), (Role.DEPLOYER, 200)],
    )
    def test_it_takes_a_role_that_deploys(
        self, open_port: Port, traffic: Traffic, token: Token, role: Role, status: int
    ) -> None:
        told = open_port.ask("POST", PROMOTE, token("ben", role), json={"version": "1.0.0"})
        assert told.status_code == status, told.text
        assert ("1.0.0" in traffic.shares) == (status == 200)
        acted = [one for one in audited(traffic.database) if one[1] == "rollout.promote"]
        assert [actor for actor, _, _ in acted] == ["ben"] * (status == 200)

    def test_weights_are_set_and_undone(self, port: Port, traffic: Traffic) -> None:
        weights = {"1.0.2": 90, "1.0.1": "10"}
        path = "/api/models/parcels"
        told = port.ask("POST", f"{path}/weights", json={"weights": weights}).json()
        shares = {arm["version"]: arm["weight"] for arm in told["arms"]}
        assert shares == {"1.0.2": 90.0, "1.0.1": 10.0}
        assert port.ask("POST", f"{path}/undo", json={}).json()["moved"]
        assert traffic.shares == {"1.0.2": ("stable", 100.0)}

    def test_a_reload_is_in_the_audit_before_the_worker_is_replaced(
        self, port: Port, traffic: Traffic
    ) -> None:
        body = {"version": "1.0.2", "reason": "memory"}
        told = port.ask("POST", "/api/models/parcels/reload", json=body)
        assert told.status_code == 200, told.text
        ((model, version, _),) = port.gateway.reloaded
        assert (model, version) == ("parcels", "1.0.2")
        assert audited(traffic.database)[-1][1:] == ("gateway.reload", "memory")

    def test_a_route_that_has_moved_since_is_not_moved(self, port: Port, traffic: Traffic) -> None:
        told = port.ask("POST", PROMOTE, json={"version": "1.0.0", "revision": 1})
        assert told.status_code == 409
        assert "revision" in told.json()["error"]

    @pytest.mark.parametrize(
        ("path", "body", "status", "word"),
        [
            (PROMOTE, {"version": "9.9.9"}, 400, "9.9.9"),
            ("/api/models/parcels/reload", {}, 400, "version"),
            (PROMOTE, {"versoin": "1.0.0"}, 400, "versoin"),
            ("/api/models/parcels/weights", {"weights": {"1.0.2": 50}}, 400, "100"),
            ("/api/models/parcels/explode", {}, 404, "promote"),
        ],
    )
    def test_what_cannot_be_done_is_told(
        self, port: Port, traffic: Traffic, path: str, body: Any, status: int, word: str
    ) -> None:
        told = port.ask("POST", path, json=body)
        assert (told.status_code, set(told.json())) == (status, {"error"})
        assert word in told.json()["error"]


class TestOtherSites:
    @pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1"])
    def test_a_name_that_means_this_machine_is_not_this_machine(
        self, port: Port, host: str
    ) -> None:
        assert port.ask("GET", "/api/status", headers={"host": host}).status_code == 403

    @pytest.mark.parametrize("host", ["localhost:8502", "127.0.0.1:8502", "[::1]:8502"])
    def test_this_machines_names_are(self, port: Port, host: str) -> None:
        assert port.ask("GET", "/api/status", headers={"host": host}).status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {"content-type": "text/plain"},
            {"content-type": "application/x-www-form-urlencoded"},
            {"content-type": "application/json", "origin": "https://evil.example"},
            {"content-type": "application/json", "origin": "null"},
            {"content-type": "application/json", "sec-fetch-site": "cross-site"},
            {"content-type": "application/json", "sec-fetch-site": "same-site"},
        ],
        ids=lambda headers: next(reversed(headers.items()))[1],
    )
    def test_what_a_page_of_another_can_send_moves_nothing(
        self, port: Port, traffic: Traffic, headers: dict[str, str]
    ) -> None:
        told = port.ask("POST", PROMOTE, content=b'{"version": "1.0.0"}', headers=headers)
        assert told.status_code in (400, 403)
        assert "1.0.2" in traffic.shares

    def test_no_site_may_read_an_answer(self, port: Port) -> None:
        told = port.ask("OPTIONS", PROMOTE, headers={"origin": "https://evil.example"})
        read = port.ask("GET", "/api/status", headers={"origin": "https://evil.example"})
        for answer in (told, read):
            assert not [name for name in answer.headers if name.startswith("access-control-")]

    @pytest.mark.parametrize("path", ["/", "/page.js", "/api/status", "/nothing"])
    def test_every_answer_has_a_strict_policy(self, port: Port, path: str) -> None:
        headers = port.ask("GET", path).headers
        assert headers["content-security-policy"].startswith(
            "default-src 'none'; script-src 'self'"
        )
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


class TestBounds:
    @pytest.mark.parametrize("length", ["Transfer-Encoding: chunked", "Content-Length: 99999999"])
    def test_a_body_without_a_length_or_with_a_great_one_is_not_read(
        self, port: Port, length: str
    ) -> None:
        async def body(number: int) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", number)
            head = (f"POST {PROMOTE} HTTP/1.1", "Host: localhost", "Content-Type: application/json")
            writer.write("\r\n".join([*head, length, "", ""]).encode())
            answer = await asyncio.wait_for(reader.readline(), 20)  # while nothing was sent
            writer.close()
            return answer

        assert port.run(body).split()[1] == b"413"
