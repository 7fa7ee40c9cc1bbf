"""A version in TensorFlow Serving: a real one, or a server of its own package's classes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest

from taxiway.config.loader import load_config
from taxiway.config.serving import TfServingBackend
from taxiway.serving.backend.tfserving import TfServingVersion, load
from taxiway.serving.fleet import backends
from taxiway.serving.fleet.served_version import ServedVersion
from taxiway.serving.worker.errors import WorkerError
from tests.conftest import REPOSITORY, TINY
from tests.taxiway.serving.obedient import check_answers, soon
from tests.tied import tied

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("model_worker")]

BINARY = os.environ.get("TAXIWAY_TF_SERVING")
SECONDS = 90.0


@pytest.fixture(scope="module")
def program(obedient: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The server of tensorflow-serving-api's classes."""
    line = [sys.executable, "-m", "tests.taxiway.serving.backend.tf_serving", "obedient"]
    with started([*line, f"7={obedient}", "8="]) as running:
        yield running


@pytest.fixture(scope="module")
def ours(program: subprocess.Popen[bytes]) -> str:
    """Its address."""
    assert program.stdout is not None
    return f"127.0.0.1:{int(program.stdout.readline())}"


@pytest.fixture(scope="module")
def binary(obedient: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of TensorFlow Serving itself."""
    if not BINARY:
        pytest.skip("TAXIWAY_TF_SERVING names no tensorflow_model_server")
    base = tmp_path_factory.mktemp("served")
    (base / "7").symlink_to(obedient)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [BINARY, f"--port={port}", "--model_name=obedient", f"--model_base_path={base}"]
    with started(line):
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def started(line: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen(
        tied(*line), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=REPOSITORY
    )
    with running:
        try:
            yield running
        finally:
            running.kill()


@pytest.fixture(params=["ours", "binary"])
def address(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


def backend(address: str, seconds: float = SECONDS) -> TfServingBackend:
    return TfServingBackend(kind="tfserving", address=address, load_timeout_seconds=seconds)


def with_version(address: str, test: Callable[[TfServingVersion], Awaitable[None]]) -> None:
    async def run() -> None:
        version = await load(backend(address), "obedient", 7)
        try:
            await test(version)
        finally:
            await version.close()

    asyncio.run(run())


def test_a_version_answers_columns_and_examples_and_tells_of_itself(address: str) -> None:
    async def test(version: TfServingVersion) -> None:
        await check_answers(version)
        assert (version.pid, version.memory_bytes, version.lost) == (None, None, "")

    with_version(address, test)


def test_what_the_model_cannot_take_is_told_and_the_version_goes_on(address: str) -> None:
    async def test(version: TfServingVersion) -> None:
        with pytest.raises(WorkerError, match="unknown column 'ordr'; did you mean 'order'") as bad:
            await version.predict_columns({"ordr": ["x"]}, soon())
        assert bad.value.reason == "bad_request"
        with pytest.raises(WorkerError, match="told to refuse") as failed:
            await version.predict_columns({"order": ["refuse"], "distance": [1]}, soon())
        assert (failed.value.reason, failed.value.kind) == ("model_error", "InvalidArgumentError")
        assert version.lost == ""
        answer = await version.predict_columns({"distance": [1]}, soon())
        np.testing.assert_allclose(answer["probability"], [0.1], rtol=1e-6)

    with_version(address, test)


@pytest.mark.parametrize(
    ("model", "number", "told"),
    [("obedient", 8, "version 8, .* is LOADING"), ("other", 7, "is not known: Servable not found")],
)
def test_a_version_that_is_not_available_is_waited_for_and_told(
    ours: str, model: str, number: int, told: str
) -> None:
    with pytest.raises(WorkerError, match=told) as caught:
        asyncio.run(load(backend(ours, seconds=0.3), model, number))
    assert caught.value.reason == "load_timeout"
    assert "waited for for 0.3 s" in caught.value.message


def test_no_server_at_all_is_told() -> None:
    with pytest.raises(WorkerError, match=grpc.StatusCode.UNAVAILABLE.name):
        asyncio.run(load(backend("127.0.0.1:1", seconds=0.1), "obedient", 7))


def test_the_fleet_loads_it_by_its_kind(ours: str) -> None:
    config = load_config(
        [TINY], ["serving.backend.kind=tfserving", f"serving.backend.address={ours}"]
    )

    async def run() -> None:
        loaded = await backends.load(ServedVersion("obedient", "1.0.0", 7, "elsewhere"), config)
        try:
            answer = await loaded.predict_columns({"distance": [1]}, soon())
            np.testing.assert_allclose(answer["probability"], [0.1], rtol=1e-6)
        finally:
            await loaded.close()

    asyncio.run(run())


def test_a_version_that_does_not_answer_in_time_is_lost(address: str) -> None:
    """The last but one, since the model goes on for as long as the server runs."""

    async def test(version: TfServingVersion) -> None:
        with pytest.raises(WorkerError, match="DEADLINE_EXCEEDED") as late:
            await version.predict_columns({"order": ["forever"], "distance": [1]}, soon(0.5))
        assert late.value.reason == "timeout"
        assert "does not answer for the version" in version.lost
        with pytest.raises(WorkerError) as lost:
            await version.predict_columns({"distance": [1]}, soon())
        assert lost.value.reason == "closed"

    with_version(address, test)


def test_a_server_that_ends_is_told(ours: str, program: subprocess.Popen[bytes]) -> None:
    """The last one, for it ends the server of those before."""

    async def test(version: TfServingVersion) -> None:
        program.kill()
        program.wait()
        with pytest.raises(WorkerError, match="UNAVAILABLE") as caught:
            await version.predict_columns({"distance": [1]}, soon())
        assert caught.value.reason == "crashed"
        assert version.lost

    with_version(ours, test)
