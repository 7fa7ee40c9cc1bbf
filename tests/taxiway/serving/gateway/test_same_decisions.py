"""Every protocol makes the same decisions: by key, by audience, and by hand; OFREP tells them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import grpc
import httpx
import pytest

from taxiway.config.serving import Limits, Serving
from taxiway.delivery.section import CookieKey
from taxiway.registry.routes.route import Condition
from taxiway.serving.gateway.answering.serving_service import ServingService
from taxiway.serving.gateway.grpc.server import serve_grpc
from taxiway.serving.gateway.http.server import bound_socket, serve_http
from taxiway.serving.protos import services
from taxiway.serving.routing.router import Router
from tests.taxiway.serving.backend.scripted import Scripted
from tests.taxiway.serving.gateway.fleets import MODEL, GivenFleet, HeardEvidence, Kept
from tests.taxiway.serving.gateway.grpc.conftest import caller, predict_request
from tests.taxiway.serving.gateway.loops import running_loop

SECONDS = 10.0
KEY = CookieKey(kind="cookie", name="id")
STAFF = (Condition("header", "x-staff", ("yes",)), Condition("column", "origin", ("JFK",)))


@dataclass
class Gateway:
    """REST and gRPC over one service."""

    fleet: GivenFleet
    kept: Kept
    heard: HeardEvidence
    client: httpx.Client
    channel: grpc.Channel

    def audience(self, *conditions: Condition) -> None:
        route = replace(self.fleet.table.routes[MODEL], audience=conditions)
        self.fleet.table = replace(self.fleet.table, routes={MODEL: route})

    def by_rest(self, headers: dict[str, str], origin: str = "JFK", path: str = "") -> str:
        """The version that answers."""
        body = {"instances": [{"distance": 1.0, "origin": origin}]}
        answer = self.client.post(f"/v1/models/{MODEL}{path}:predict", json=body, headers=headers)
        answer.raise_for_status()
        return self.kept.decisions[-1][1].version

    def by_oip(self, headers: dict[str, str], origin: str = "JFK") -> str:
        tensors: list[dict[str, Any]] = [
            {"name": "distance", "shape": [1], "datatype": "FP32", "data": [1.0]},
            {"name": "origin", "shape": [1], "datatype": "BYTES", "data": [origin]},
        ]
        path = f"/v2/models/{MODEL}/infer"
        answer = self.client.post(path, json={"inputs": tensors}, headers=headers)
        return str(answer.json()["model_version"])

    def by_grpc(self, headers: dict[str, str], origin: str = "JFK") -> str:
        request = predict_request({"distance": [1.0], "origin": [origin.encode()]}, MODEL)
        metadata = [(name.lower(), value) for name, value in headers.items()]
        call = caller(self.channel, services.PREDICT)
        number = call(request, metadata=metadata, timeout=SECONDS).model_spec.version.value
        return f"1.{number - 1}.0"

    def flag(self, context: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
        """OFREP's evaluation."""
        path = f"/ofrep/v1/evaluate/flags/{MODEL}"
        return self.client.post(path, json={"context": context}, headers=headers).json()


@pytest.fixture(scope="module")
def running() -> Iterator[Gateway]:
    """A gateway whose traffic is split in halves."""
    fleet, kept, heard = GivenFleet({"1.0.0": 5_000, "1.1.0": 5_000}), Kept(), HeardEvidence()
    with contextlib.ExitStack() as stack:
        loop = stack.enter_context(running_loop())

        def run(work: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(work, loop).result(SECONDS)

        async def start() -> tuple[Any, Any, ServingService]:
            section = Serving(limits=Limits())
            for name in fleet.served:
                fleet.load(name, Scripted())
            router = Router(KEY)
            service = ServingService(fleet.as_fleet, section, kept, None, router, heard)
            listener = bound_socket("127.0.0.1", 0)
            rest = await serve_http(service, section, listener=listener)
            return rest, await serve_grpc(service, section, port=0), service

        rest, rpc, service = run(start())
        client = stack.enter_context(
            httpx.Client(base_url=f"http://127.0.0.1:{rest.port}", timeout=SECONDS)
        )
        channel = stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{rpc.port}"))
        yield Gateway(fleet, kept, heard, client, channel)
        for work in (rest.stop(SECONDS), rpc.stop(SECONDS), service.close()):
            run(work)


@pytest.fixture
def gateway(running: Gateway) -> Gateway:
    """The same, without an audience, and before anyone has asked it."""
    running.audience()
    running.kept.decisions.clear()
    running.heard.answers.clear()
    return running


def test_a_users_cookie_gives_the_same_version_by_every_protocol(gateway: Gateway) -> None:
    versions = set()
    for number in range(16):
        headers = {"cookie": f"a=b; id=u{number}"}
        found = {gateway.by_rest(headers), gateway.by_oip(headers), gateway.by_grpc(headers)}
        assert len(found) == 1
        flag = gateway.flag({"targetingKey": f"u{number}"})
        assert {flag["value"]} == found
        versions |= found
    assert versions == {"1.0.0", "1.1.0"}
    assert {ask.key for ask, *_ in gateway.kept.decisions[:3]} == {"u0"}


@pytest.mark.parametrize("name", ["1.0.0", "1.1.0"])
def test_a_header_or_cookie_names_the_version_by_hand(gateway: Gateway, name: str) -> None:
    for headers in ({"X-Taxiway-Version": name}, {"cookie": f"id=ann; taxiway-version={name}"}):
        assert gateway.by_rest(headers) == name
        assert gateway.by_oip(headers) == name
        assert gateway.by_grpc(headers) == name
        flag = gateway.flag({"targetingKey": "ann"}, headers)
        assert (flag["value"], flag["reason"]) == (name, "TARGETING_MATCH")
        assert flag["metadata"]["policy"] == "override"
    assert {answer.policy for _, answer, _ in gateway.kept.decisions} == {"override"}
    assert not any(choice.is_drawn for _, choice in gateway.heard.answers)


def test_a_path_counts_before_what_is_named_by_hand(gateway: Gateway) -> None:
    headers = {"X-Taxiway-Version": "1.0.0"}
    assert gateway.by_rest(headers, path="/versions/2") == "1.1.0"
    assert gateway.kept.decisions[-1][1].policy == "named"


def test_a_name_that_is_not_there_is_not_found_with_what_there_is(gateway: Gateway) -> None:
    headers = {"X-Taxiway-Version": "2.0.0"}
    body = {"instances": [{"distance": 1.0}]}
    answer = gateway.client.post(f"/v1/models/{MODEL}:predict", json=body, headers=headers)
    assert answer.status_code == 404
    assert "it has: 1.0.0, 1.1.0" in answer.json()["error"]
    with pytest.raises(grpc.RpcError) as refused:
        gateway.by_grpc(headers)
    error: Any = refused.value
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert gateway.flag({}, headers)["errorCode"] == "FLAG_NOT_FOUND"


def test_only_an_audiences_requests_are_split(gateway: Gateway) -> None:
    gateway.audience(*STAFF)
    staff = {"x-staff": "yes"}
    for ask in (gateway.by_rest, gateway.by_oip, gateway.by_grpc):
        within = {ask({**staff, "cookie": f"id=u{number}"}) for number in range(16)}
        assert within == {"1.0.0", "1.1.0"}
        without = {ask({"cookie": f"id=u{number}"}) for number in range(16)}
        elsewhere = {ask({**staff, "cookie": f"id=u{number}"}, "EWR") for number in range(16)}
        assert without == elsewhere == {"1.0.0"}
    segments = {(choice.segment, choice.policy) for _, choice in gateway.heard.answers}
    assert segments == {("audience", "weights"), ("others", "audience")}


def test_a_flags_context_says_what_a_request_would(gateway: Gateway) -> None:
    gateway.audience(*STAFF)
    context = {"x-staff": "yes", "origin": "JFK"}
    for number in range(8):
        flag = gateway.flag({**context, "targetingKey": f"u{number}"})
        assert flag["value"] == gateway.by_rest({"x-staff": "yes", "cookie": f"id=u{number}"})
        assert (flag["reason"], flag["metadata"]["propensity"]) == ("SPLIT", 0.5)
    outside = gateway.flag({"origin": "JFK", "targetingKey": "u0"})
    assert (outside["value"], outside["variant"]) == ("1.0.0", "stable")
    assert (outside["reason"], outside["metadata"]["policy"]) == ("DEFAULT", "audience")
    assert gateway.flag(context)["errorCode"] == "TARGETING_KEY_MISSING"
    assert gateway.flag({"origin": "JFK"})["reason"] == "DEFAULT"


def test_a_flags_context_says_what_a_cookie_would(gateway: Gateway) -> None:
    gateway.audience(Condition("cookie", "early", ("true",)))
    found = {
        (flag["value"], flag["reason"])
        for number in range(16)
        for flag in [gateway.flag({"early": True, "id": f"u{number}", "targetingKey": "ann"})]
    }
    assert found == {("1.0.0", "SPLIT"), ("1.1.0", "SPLIT")}
    headers = {"cookie": "early=false"}
    assert gateway.flag({"early": True, "id": "ann"}, headers)["reason"] == "SPLIT"
    assert gateway.flag({"id": "ann"}, headers)["reason"] == "DEFAULT"
    assert gateway.flag({"early": "x; early=true", "id": "ann"})["reason"] == "DEFAULT"
