"""`taxiway serve` where others reach it: TLS and tokens on every port, and neither in any log."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from taxiway.registry.auth.actor import Role
from taxiway.registry.auth.token_env import TOKEN_ENV
from taxiway.registry.database.session import Database
from tests.conftest import REPOSITORY, TINY, taxiway
from tests.taxiway.serving.gateway.conftest import Token
from tests.taxiway.serving.gateway.ports import certified
from tests.tied import tied

HOST = "0.0.0.0"
"""Which asks for TLS and tokens: others reach it too."""
OPEN = (f"serving.host={HOST}", f"serving.admin_host={HOST}")


@dataclass
class Running:
    """A gateway, and what it has told."""

    process: subprocess.Popen[str]
    token: str
    ports: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


@pytest.fixture
def gateway(tmp_path: Path, registry: Database, token: Token) -> Iterator[Running]:
    """It serves a model of which no version was pushed yet."""
    tls = certified(tmp_path)
    given = [*OPEN, f"serving.tls.certificate={tls.certificate}", f"serving.tls.key={tls.key}"]
    given += [f"output.root={tmp_path}", f"registry.path={registry.settings.place}"]
    sets = [part for one in given for part in ("--set", one)]
    ports = [part for one in ("", "grpc-", "admin-") for part in (f"--{one}port", "0")]
    command = [sys.executable, "-m", "taxiway", "serve", "--json", "--config", TINY, *ports, *sets]
    deployer = token("deployer", Role.DEPLOYER)
    with subprocess.Popen(
        tied(*command),
        cwd=REPOSITORY,
        env={**os.environ, TOKEN_ENV: deployer},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        running = Running(process, deployer)
        assert process.stdout is not None
        for line in process.stdout:
            running.told.append(line)
            if '"listening"' in line:
                running.ports = json.loads(line)
                break
        assert running.ports, running.told
        try:
            yield running
        finally:
            process.terminate()
            process.communicate(timeout=60)


def test_every_port_takes_tls_and_a_token_for_all_but_health(
    gateway: Running, token: Token, tmp_path: Path
) -> None:
    text = token("ben", Role.VIEWER)
    mine = {"authorization": f"Bearer {text}"}
    rest = gateway.ports["rest"].replace(HOST, "127.0.0.1")
    admin = gateway.ports["admin"].replace(HOST, "127.0.0.1")
    with httpx.Client(
        verify=ssl.create_default_context(cafile=str(tmp_path / "tls.crt"))
    ) as client:
        statuses = {
            (path, bool(headers)): client.get(f"{url}{path}", headers=headers).status_code
            for url, paths in (
                (rest, ("/v2/health/live", "/v1/models/tiny", "/v2")),
                (admin, ("/livez", "/metrics", "/api/status", "/")),
            )
            for path in paths
            for headers in ({}, mine)
        }
        anyones = {
            path for (path, given), status in statuses.items() if not given and status != 401
        }
        assert anyones == {"/v2/health/live", "/livez", "/"}
        assert 401 not in {status for (_, given), status in statuses.items() if given}
        assert "taxiway_ready 0.0" in client.get(f"{admin}/metrics", headers=mine).text
        moved = client.post(f"{admin}/api/models/tiny/undo", headers=mine, json={})
        assert moved.status_code == 403  # a viewer's
    for url in (rest, admin):
        with pytest.raises(httpx.TransportError):
            httpx.get(url.replace("https", "http"))
    credentials = grpc.ssl_channel_credentials((tmp_path / "tls.crt").read_bytes())
    address = f"127.0.0.1:{gateway.ports['grpc'].rpartition(':')[2]}"
    with grpc.secure_channel(address, credentials) as channel:
        assert _code(channel, "/inference.GRPCInferenceService/ServerLive") is grpc.StatusCode.OK
        method = "/inference.GRPCInferenceService/ServerMetadata"
        assert _code(channel, method) is grpc.StatusCode.UNAUTHENTICATED
        assert _code(channel, method, list(mine.items())) is grpc.StatusCode.OK
    gateway.process.terminate()
    rest_of_it, _ = gateway.process.communicate(timeout=60)
    told = "".join([*gateway.told, rest_of_it])
    assert '"status":"OK"' in told  # the access log is among it
    for secret in (text, gateway.token):
        assert secret.rpartition("_")[2] not in told


def _code(channel: grpc.Channel, method: str, metadata: Any = None) -> grpc.StatusCode:
    try:
        channel.unary_unary(method)(b"", metadata=metadata, timeout=30)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def test_without_a_certificate_it_does_not_start(tmp_path: Path) -> None:
    done = taxiway(
        "serve",
        "--config",
        TINY,
        "--set",
        f"output.root={tmp_path}",
        "--set",
        "serving.host=0.0.0.0",
    )
    assert done.code == 2
    assert "tls.certificate" in done.err
    assert "0.0.0.0" in done.err
