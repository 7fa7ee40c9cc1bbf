"""Captured output: whatever prints goes to the log, and the console still reaches the user."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

SPEAK = """
import ctypes, logging, os, subprocess, sys
from pathlib import Path
from taxiway.runners.console.capture import captured_output

libc = ctypes.CDLL(None)
print("before")
try:
    with captured_output(Path(sys.argv[1])) as console:
        print("python out")
        print("python err", file=sys.stderr)
        libc.puts(b"c out")
        libc.fflush(None)
        os.write(2, b"fd 2\\n")
        subprocess.run(["sh", "-c", "echo child out; echo child err >&2"])
        logging.getLogger("someone").info("logged")
        console.print("to the user", len("x" * 3))
        print("unflushed", end="")
        if sys.argv[2] == "raise":
            raise KeyError("inside")
except KeyError:
    print("caught")
print("after", open(sys.argv[1]).read().count("unflushed"))
print("error after", file=sys.stderr)
"""
IN_THE_LOG = ("python out", "python err", "c out", "fd 2", "child out", "child err", "unflushed")


@pytest.mark.parametrize("ending", ["return", "raise"])
def test_everything_goes_to_the_log_but_what_the_console_prints(
    tmp_path: Path, ending: str
) -> None:
    log = tmp_path / "new" / "run.log"
    done = subprocess.run(
        [sys.executable, "-c", SPEAK, str(log), ending],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told = done.stdout.splitlines()
    assert told == ["before", "to the user 3", *(["caught"] * (ending == "raise")), "after 1"]
    assert done.stderr == "error after\n"
    text = log.read_text()
    assert [line for line in IN_THE_LOG if line not in text] == []
    assert " I someone logged" in text
    assert "to the user" not in text


def test_a_second_run_adds_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_text("the first run\n")
    subprocess.run(
        [sys.executable, "-c", SPEAK, str(log), "return"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert log.read_text().startswith("the first run\n")
    assert "python out" in log.read_text()


GIVE_BACK = """
import os, sys
from pathlib import Path
from taxiway.runners.console.capture import captured_output

def files():
    return [os.fstat(number).st_ino for number in (1, 2)], sorted(os.listdir("/dev/fd"))

before = files()
with captured_output(Path(sys.argv[1])) as console:
    assert not console.is_terminal
    os.write(1, b"into the log\\n")
    console.print("out [bold]there")
after = files()
os.write(1, b"as before\\n")
sys.exit(0 if before == after else f"{before} before, {after} after")
"""


def test_both_descriptors_are_given_back_and_no_other_stays_open(tmp_path: Path) -> None:
    """In a process of its own: in this one, what other tests left open may be closed meanwhile."""
    log = tmp_path / "run.log"
    done = subprocess.run(
        [sys.executable, "-c", GIVE_BACK, str(log)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "out [bold]there\nas before\n"), done.stderr
    assert log.read_text() == "into the log\n"
