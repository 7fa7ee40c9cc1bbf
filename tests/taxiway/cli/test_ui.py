"""`taxiway ui` as a process: it says where it listens, answers, and ends when it is told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.conftest import MEASURED, REPOSITORY, TINY, CommandLine
from tests.tied import tied

HEAVY = ("tensorflow", "tfx", "mlflow", "apache_beam", "ml_metadata")


@pytest.mark.one_stack
def test_it_listens_answers_and_ends_with_0(tmp_path: Path) -> None:
    words = ("ui", "--config", TINY, "--set", f"output.root={tmp_path}", "--port", "0", "--json")
    process = subprocess.Popen(
        tied(sys.executable, "-m", "taxiway", *words),
        cwd=REPOSITORY,
        env={**os.environ, **MEASURED},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        assert httpx.get(f"{url}runs.json").json()["runs"]["total"] == 0
        assert "There is no run yet" in httpx.get(f"{url}runs").text
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()


def test_nothing_heavy_is_loaded_to_show_runs() -> None:
    program = "import sys, taxiway.ui.server; print([n for n in sys.argv[1:] if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program, *HEAVY], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_port_that_is_taken_is_told(here: CommandLine, tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = here("ui", "--config", TINY, "--set", f"output.root={tmp_path}", "--port", port)
    assert done.code == 2
    assert f"cannot listen on 127.0.0.1, port {port}" in done.err
    assert "ui.host or ui.port" in done.err


def test_bound_elsewhere_it_wants_a_certificate(here: CommandLine, tmp_path: Path) -> None:
    done = here("ui", "--config", TINY, "--set", f"output.root={tmp_path}", "--host", "0.0.0.0")
    assert (done.code, "which others reach" in done.err) == (2, True)


def test_without_the_page_the_command_says_so(
    here: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("taxiway.ui")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "taxiway.ui", None)
    done = here("ui", "--config", TINY, "--set", f"output.root={tmp_path}")
    assert (done.code, "there is no page here" in done.err) == (2, True)
