"""TLS on both kinds of port, a certificate that changes under way, and files that are none."""

from __future__ import annotations

import asyncio
import re
import ssl
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from taxiway.access.certificate import Certificate
from taxiway.access.http import Receive, Scope, Send
from taxiway.config.serving import Serving
from taxiway.errors import ConfigError
from tests.taxiway.serving.gateway.ports import certified, served, trusting


async def _hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


async def _get(port: int, context: ssl.SSLContext) -> str:
    async with httpx.AsyncClient(verify=context) as client:
        return (await client.get(f"https://127.0.0.1:{port}/")).text


def test_http_answers_with_it_and_then_with_the_one_that_took_its_place(tmp_path: Path) -> None:
    tls = certified(tmp_path)
    certificate, first = Certificate(tls), trusting(tls)

    async def ask() -> None:
        async with served(_hello, lifespan="off", **certificate.uvicorn()) as port:
            assert await _get(port, first) == "hello"
            assert not certificate.reload()
            second = trusting(certified(tmp_path, "second"))
            assert certificate.reload()
            assert await _get(port, second) == "hello"
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await _get(port, first)

    asyncio.run(ask())


def test_grpc_does_too(tmp_path: Path) -> None:
    tls = certified(tmp_path)
    certificate = Certificate(tls)

    async def call(port: int) -> Any:
        credentials = grpc.ssl_channel_credentials(Path(tls.certificate).read_bytes())
        async with grpc.aio.secure_channel(f"localhost:{port}", credentials) as channel:
            return await channel.unary_unary("/a.B/C")(b"x", timeout=20)

    async def ask() -> None:
        server = grpc.aio.server()

        async def echo(request: bytes, context: Any) -> bytes:
            return request

        handlers = {"C": grpc.unary_unary_rpc_method_handler(echo)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.B", handlers),))
        port = server.add_secure_port("127.0.0.1:0", certificate.grpc())
        await server.start()
        try:
            assert await call(port) == b"x"
            certified(tmp_path, "second")
            assert certificate.reload()
            assert await call(port) == b"x"  # and trusts the second one alone
        finally:
            await server.stop(None)

    asyncio.run(ask())


def test_half_of_a_change_is_waited_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    certificate = Certificate(certified(tmp_path))
    key = (tmp_path / "tls.key").read_bytes()
    certified(tmp_path, "second")
    new_key = (tmp_path / "tls.key").read_bytes()
    (tmp_path / "tls.key").write_bytes(key)
    assert not certificate.reload()
    assert "was not read again" in caplog.text
    (tmp_path / "tls.key").write_bytes(new_key)
    assert certificate.reload()


@pytest.mark.parametrize("what", ["missing", "text", "another key"])
def test_files_that_are_none_are_refused_by_the_keys_that_name_them(
    tmp_path: Path, what: str
) -> None:
    tls = certified(tmp_path)
    if what == "missing":
        Path(tls.key).unlink()
    elif what == "text":
        Path(tls.certificate).write_text("hello")
    else:
        (tmp_path / "other").mkdir()
        Path(tls.key).write_bytes(Path(certified(tmp_path / "other").key).read_bytes())
    with pytest.raises(ConfigError) as told:
        Certificate(tls)
    assert "serving.tls." in told.value.edit


@pytest.mark.parametrize("key", ["host", "admin_host"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "gateway.example.com"])
def test_a_config_that_lets_others_in_without_tls_is_refused(key: str, host: str) -> None:
    with pytest.raises(ValueError, match=rf"{key} is {re.escape(host)}.*tls\.certificate"):
        Serving.model_validate({key: host})
    Serving.model_validate({key: host, "tls": {"certificate": "/c", "key": "/k"}})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_this_machine_needs_none(host: str) -> None:
    assert Serving(host=host, admin_host=host).tls.certificate == ""
