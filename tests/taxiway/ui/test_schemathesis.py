"""Whatever its OpenAPI document allows, the page answers as that document says."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.taxiway.serving.gateway.conftest import Token
from tests.taxiway.serving.gateway.ports import served
from tests.taxiway.ui.conftest import Ui, record
from tests.tied import tied

PROGRAM = REPOSITORY / ".clients/env/bin/schemathesis"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
"""Not `unsupported_method`: at the door all but GET and HEAD is refused with a 400 where it brings
no body of a known media type, whether the application would know the method or not."""
SECONDS = 120


@pytest.mark.one_stack
def test_every_answer_is_as_the_document_says(ui: Ui, token: Token, tmp_path: Path) -> None:
    if not PROGRAM.exists():
        pytest.skip("no .clients/env: make clients sets it up")
    ui.run("latest-run", record=record("latest-run"))
    ui.version(run_id="latest-run")

    def ask(port: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            tied(
                str(PROGRAM),
                "run",
                f"http://127.0.0.1:{port}/openapi.json",
                f"--header=Authorization: Bearer {token()}",
                f"--checks={','.join(CHECKS)}",
                "--max-examples=15",
                "--phases=examples,coverage,fuzzing",
                "--seed=7",
                "--no-color",
            ),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    async def body() -> subprocess.CompletedProcess[str]:
        async with served(ui.app) as port:
            return await asyncio.to_thread(ask, port)

    done = asyncio.run(body())
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
