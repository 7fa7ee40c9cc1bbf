"""Every client is answered as the list says, by a gateway that runs, and the page says the same."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.taxiway.serving.clients import here, table
from tests.taxiway.serving.clients.cases import CASES, CLIENTS, PLACES, Case, Client, Refused
from tests.taxiway.serving.clients.served import Served, serve
from tests.tied import tied

SECONDS = 120.0
ELSEWHERE = REPOSITORY / ".clients/env/bin/python"
PAIRS = [
    pytest.param(client, case, id=f"{client.name}: {case.name}")
    for client in CLIENTS
    for case in CASES
    if case.name not in client.cannot
]
of_a_gateway = pytest.mark.xdist_group("model_worker")

Answers = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture(scope="module")
def elsewhere(served: Served) -> Answers:
    """What the clients of `make clients` were answered, asked by one program for each package."""
    if not ELSEWHERE.exists():
        pytest.skip("no .clients/env: make clients sets it up")
    asked: dict[str, Any] = {"http": served.http, "grpc": served.grpc, "cases": {}}
    for client in CLIENTS:
        asked["cases"][client.name] = [
            case.document() for case in CASES if case.name not in client.cannot
        ]
    with contextlib.ExitStack() as stack:
        programs = [
            stack.enter_context(
                subprocess.Popen(
                    tied(str(ELSEWHERE), str(Path(__file__).with_name(name))),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            for name in ("triton_program.py", "kserve_program.py")
        ]
        found: dict[str, Any] = {}
        for program in programs:
            answered, errors = program.communicate(json.dumps(asked), timeout=SECONDS)
            assert program.returncode == 0, errors[-2000:]
            found |= json.loads(answered)
    return found


@pytest.mark.pipeline
@pytest.mark.one_stack
@of_a_gateway
@pytest.mark.parametrize(("client", "case"), PAIRS)
def test_a_client_is_answered_as_the_list_says(
    request: pytest.FixtureRequest, served: Served, client: Client, case: Case
) -> None:
    if client.elsewhere:
        answer = request.getfixturevalue("elsewhere")[client.name][case.name]
    else:
        if client.name.startswith("curl") and shutil.which("curl") is None:
            pytest.skip("no curl here")
        answer = here.CLIENTS[client.name](served, case.document())
    expected = case.expected
    if isinstance(expected, Refused):
        assert answer["refused"] == client.code(expected), answer
        assert expected.told in answer["text"]
    elif isinstance(expected, list):
        assert answer == pytest.approx(expected, abs=PLACES)
    else:
        assert answer == expected


def test_the_page_is_as_the_list_is() -> None:
    told = "python -m tests.taxiway.serving.clients.table writes it"
    assert table.PAGE.read_text() == table.page(), told


def test_every_reason_is_of_a_case() -> None:
    names = {case.name for case in CASES}
    assert len(names) == len(CASES)
    for client in CLIENTS:
        assert set(client.cannot) < names
