"""What a test starts ends with it, also when it is killed itself, and takes Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.tied import tied

STARTS = """
import subprocess, sys
from tests.tied import tied
command = tied("sh", "-c", "sleep 600 & echo $$ $!; wait")
subprocess.Popen(command, start_new_session=True)
sys.stdin.read()
"""


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_a_group_ends_with_the_test_that_started_it(sent: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTS],
        cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as test:  # fmt: skip
        assert test.stdout is not None
        started = [int(word) for word in test.stdout.readline().split()]
        assert len(started) == 2
        assert not any(map(is_gone, started))
        test.send_signal(sent)
        deadline = time.monotonic() + 30
        while not all(map(is_gone, started)):
            assert time.monotonic() < deadline, "the group lives on"
            time.sleep(0.02)


def test_it_has_the_same_process_and_takes_ctrl_c_where_that_is_ignored() -> None:
    shown = "import os; print(os.getpid(), flush=True); import time; time.sleep(600)"
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which children inherit
    try:
        process = subprocess.Popen(tied(sys.executable, "-c", shown), stdout=subprocess.PIPE)
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == -signal.SIGINT


def test_its_end_is_that_of_the_program() -> None:
    done = subprocess.run(
        tied("sh", "-c", "echo told; exit 7"), capture_output=True, text=True, env=os.environ
    )
    assert (done.returncode, done.stdout) == (7, "told\n")
