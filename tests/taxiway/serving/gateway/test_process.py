"""The gateway's process has room for as many connections as its config lets in."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from taxiway.errors import ConfigError
from taxiway.serving.gateway.process import make_room
soft, hard, connections = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
try:
    make_room(connections)
except ConfigError as error:
    print(error)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def made_room(soft: int, hard: int, connections: int) -> str:
    """What a process with such limits of open files says, and its limit afterwards."""
    line = [sys.executable, "-c", PROGRAM, str(soft), str(hard), str(connections)]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "then"), [(300, 900, 300, 856), (700, 900, 10, 700)]
)
def test_its_limit_of_open_files_is_raised_where_it_is_too_low(
    soft: int, hard: int, connections: int, then: int
) -> None:
    assert made_room(soft, hard, connections) == f"{then}\n"


def test_more_connections_than_the_system_lets_it_have_are_refused() -> None:
    told = made_room(300, 900, 323)
    assert "serving.limits.connections is 323 for each of two ports" in told
    assert "takes 902 open files, and this process may have 900" in told
    assert told.endswith("\n300\n")
