"""Who has a token is let in quickly, who has none is kept out cheaply; nothing tells a token."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

import grpc
import httpx
import pytest

from taxiway.access import tokens as module
from taxiway.access.grpc import RequireToken
from taxiway.access.http import ACTOR, App, Receive, Scope, Send, require_token
from taxiway.access.refusal import Code, Refusal
from taxiway.access.tokens import BearerTokens
from taxiway.errors import TaxiwayError
from taxiway.registry.auth import tokens as registry_tokens
from taxiway.registry.auth.actor import Actor, Role
from taxiway.registry.auth.tokens import list_tokens, revoke_token
from taxiway.registry.database.session import Database
from tests.taxiway.serving.gateway.conftest import Token
from tests.taxiway.serving.gateway.ports import served


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def run(database: Database, body: Callable[[BearerTokens], Awaitable[Any]]) -> Any:
    async def within() -> Any:
        with closing(BearerTokens(database, Clock())) as tokens:
            return await body(tokens)

    return asyncio.run(within())


def bearer(text: str) -> bytes:
    return f"Bearer {text}".encode()


def refusal_of(database: Database, header: bytes) -> Refusal:
    with pytest.raises(Refusal) as refused:
        run(database, lambda tokens: tokens.actor(header))
    return refused.value


class TestWhoseItIs:
    def test_any_role_may_ask(self, registry: Database, token: Token) -> None:
        text = token("ben", Role.VIEWER)
        found: Actor = run(registry, lambda tokens: tokens.actor(bearer(text)))
        assert (found.name, found.role) == ("ben", Role.VIEWER)

    def test_the_scheme_is_written_in_any_case(self, registry: Database, token: Token) -> None:
        header = b"bearer  " + token().encode()
        assert run(registry, lambda tokens: tokens.actor(header)).name == "ann"

    @pytest.mark.parametrize(
        "header",
        [b"", b"Bearer", b"Bearer nonsense", b"Basic YW5uOmFubg==", b"Bearer \xff" + b"a" * 100],
    )
    def test_what_is_no_token_is_refused_without_asking_the_registry(
        self, registry: Database, header: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(BearerTokens, "_look_up", None)
        told = refusal_of(registry, header)
        assert told.code is Code.UNAUTHENTICATED
        assert "Authorization: Bearer" in told.message

    def test_another_secret_and_another_token_are_refused(
        self, registry: Database, token: Token
    ) -> None:
        text = token()
        for wrong in (f"{text[:-1]}{'a' if text[-1] != 'a' else 'b'}", f"taxiway_{'a' * 55}"):
            wrong = wrong if "_" in wrong[8:] else f"taxiway_{'a' * 12}_{'a' * 43}"
            told = refusal_of(registry, bearer(wrong))
            assert told.code is Code.UNAUTHENTICATED
            assert wrong[-43:] not in told.message
            assert "TAXIWAY_TOKEN" not in told.message


class TestRemembering:
    def test_argon2_and_the_registry_are_asked_once(
        self, registry: Database, token: Token, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text, asked = token(), []
        real = BearerTokens._look_up
        monkeypatch.setattr(
            BearerTokens, "_look_up", lambda self, text: asked.append(1) or real(self, text)
        )

        async def many(tokens: BearerTokens) -> None:
            assert tokens.remembered(bearer(text)) is None
            await asyncio.gather(*(tokens.actor(bearer(text)) for _ in range(20)))
            assert tokens.remembered(bearer(text)) is not None

        run(registry, many)
        assert len(asked) == 1

    def test_one_that_was_revoked_is_refused_ten_seconds_later(
        self, registry: Database, token: Token
    ) -> None:
        text = token("ben", Role.VIEWER)
        (admin, ben) = list_tokens(registry)

        async def revoked(tokens: BearerTokens) -> None:
            clock = tokens._clock
            assert isinstance(clock, Clock)
            await tokens.actor(bearer(text))
            await asyncio.to_thread(
                revoke_token, registry, Actor("ann", "token", Role.ADMIN, admin.id), ben.id
            )
            assert tokens.remembered(bearer(text)) is not None
            clock.now += module.BELIEVED_SECONDS + 0.1
            with pytest.raises(Refusal, match="was revoked"):
                await tokens.actor(bearer(text))

        run(registry, revoked)

    @pytest.mark.parametrize(("seconds", "believed"), [(60, True), (700, False)])
    def test_without_the_registry_one_that_was_good_is_believed_ten_minutes(
        self,
        registry: Database,
        token: Token,
        monkeypatch: pytest.MonkeyPatch,
        seconds: int,
        believed: bool,
    ) -> None:
        text = token()

        def away(self: BearerTokens, text: str) -> Actor:
            raise TaxiwayError("the database is away")

        async def later(tokens: BearerTokens) -> Actor:
            clock = tokens._clock
            assert isinstance(clock, Clock)
            await tokens.actor(bearer(text))
            monkeypatch.setattr(BearerTokens, "_look_up", away)
            clock.now += seconds
            return await tokens.actor(bearer(text))

        if believed:
            assert run(registry, later).name == "ann"
        else:
            with pytest.raises(Refusal) as told:
                run(registry, later)
            assert told.value.code is Code.UNAVAILABLE


class TestAFloodOfGuesses:
    def test_waits_in_a_short_line_that_keeps_out_nobody_who_has_a_token(
        self, registry: Database, token: Token, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = token()
        lookup = text.split("_")[1]
        gate = threading.Event()
        right = text.rpartition("_")[2]
        monkeypatch.setattr(
            registry_tokens, "_matches", lambda _, secret: gate.wait(20) and secret == right
        )

        async def flood(tokens: BearerTokens) -> list[BaseException | Actor]:
            clock = tokens._clock
            assert isinstance(clock, Clock)
            gate.set()
            await tokens.actor(bearer(text))
            gate.clear()
            clock.now += module.BELIEVED_SECONDS + 0.1
            guesses = [f"taxiway_{lookup}_{number:043d}" for number in range(40)]
            asked = [asyncio.create_task(tokens.actor(bearer(guess))) for guess in guesses]
            await asyncio.sleep(0)
            assert (await tokens.actor(bearer(text))).name == "ann"  # while they wait
            gate.set()
            return await asyncio.gather(*asked, return_exceptions=True)

        told = run(registry, flood)
        codes = [one.code for one in told if isinstance(one, Refusal)]
        assert codes.count(Code.UNAUTHENTICATED) == module.MOST_WAITING
        assert codes.count(Code.BUSY) == 40 - module.MOST_WAITING
        busy = next(one for one in told if isinstance(one, Refusal) and one.code is Code.BUSY)
        assert busy.retry_after == 1.0


async def _hello(scope: Scope, receive: Receive, send: Send) -> None:
    body = scope[ACTOR].name.encode() if ACTOR in scope else b"anyone"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


class TestOverHttp:
    def test_everything_but_health_takes_a_token(self, registry: Database, token: Token) -> None:
        text = token("ben", Role.VIEWER)

        async def ask(tokens: BearerTokens) -> list[httpx.Response]:
            app: App = require_token(_hello, tokens)
            async with served(app, lifespan="off") as port, httpx.AsyncClient() as client:
                url = f"http://127.0.0.1:{port}"
                mine = {"authorization": f"Bearer {text}"}
                return [
                    await client.get(f"{url}/v2/health/ready"),
                    await client.post(f"{url}/v1/models/flights:predict"),
                    await client.post(f"{url}/v1/models/flights:predict", headers=mine),
                    await client.get(f"{url}/v2/health/ready/../../models"),
                ]

        health, without, with_one, around = run(registry, ask)
        assert (health.status_code, health.text) == (200, "anyone")
        assert without.status_code == 401
        assert without.headers["www-authenticate"] == "Bearer"
        assert set(without.json()) == {"error"}
        assert (with_one.status_code, with_one.text) == (200, "ben")
        assert around.status_code == 401


class TestOverGrpc:
    def test_everything_but_health_takes_a_token(self, registry: Database, token: Token) -> None:
        text = token("ben", Role.VIEWER)

        async def ask(tokens: BearerTokens) -> list[Any]:
            server = grpc.aio.server(interceptors=[RequireToken(tokens)])
            names = ("tensorflow.serving.PredictionService", "inference.GRPCInferenceService")
            for name in names:
                methods = ("Predict", "ServerLive")
                handlers = {
                    method: grpc.unary_unary_rpc_method_handler(_echo) for method in methods
                }
                server.add_generic_rpc_handlers(
                    (grpc.method_handlers_generic_handler(name, handlers),)
                )
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            try:
                async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                    predict = channel.unary_unary(f"/{names[0]}/Predict")
                    mine = (("authorization", f"Bearer {text}"),)
                    with pytest.raises(grpc.aio.AioRpcError) as told:
                        await predict(b"x")
                    return [
                        await channel.unary_unary(f"/{names[1]}/ServerLive")(b"x"),
                        told.value,
                        await predict(b"x", metadata=mine),
                    ]
            finally:
                await server.stop(None)

        health, without, with_one = run(registry, ask)
        assert health == with_one == b"x"
        assert without.code() is grpc.StatusCode.UNAUTHENTICATED
        assert "Authorization: Bearer" in without.details()


async def _echo(request: bytes, context: Any) -> bytes:
    return request


def test_no_log_has_a_token(
    registry: Database, token: Token, caplog: pytest.LogCaptureFixture
) -> None:
    text = token()
    caplog.set_level(logging.DEBUG)

    async def ask(tokens: BearerTokens) -> None:
        async with served(require_token(_hello, tokens)) as port, httpx.AsyncClient() as client:
            for given in (text, f"{text}x"):
                await client.get(
                    f"http://127.0.0.1:{port}/", headers={"authorization": f"Bearer {given}"}
                )

    run(registry, ask)
    assert caplog.text
    assert text.rpartition("_")[2] not in caplog.text
