"""Tutorials that are commands, followed to their end in a copy of this repository."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socket

import pytest

from tests.conftest import REPOSITORY
from tests.docs.howto import read
from tests.docs.test_howtos import Copy, copy  # noqa: F401  # a fixture
from tests.example import needs_example

PAGES = REPOSITORY / "docs" / "tutorial"


@pytest.mark.pipeline
@pytest.mark.one_stack
@pytest.mark.xdist_group("pipeline")
def test_a_csv_becomes_a_pushed_model(copy: Copy) -> None:  # noqa: F811  # that fixture
    copy.follow(read(PAGES / "your-data.md"))


@needs_example
@pytest.mark.pipeline
@pytest.mark.one_stack
@pytest.mark.xdist_group("pipeline")
def test_a_model_is_trained_approved_deployed_rolled_back_and_restored(copy: Copy) -> None:  # noqa: F811  # that fixture
    copy.follow(read(PAGES / "release.md"))


@needs_example
@pytest.mark.pipeline
@pytest.mark.one_stack
@pytest.mark.xdist_group("pipeline")
@pytest.mark.parametrize("page", ["serve.md", "deliver.md"])
def test_a_model_is_served_and_what_comes_after_it_takes_its_place(page: str, copy: Copy) -> None:  # noqa: F811  # that fixture
    rest, grpc, admin = free_ports(3)  # and not those that the page has
    program = copy.root / ".venv" / "bin" / "taxiway"
    listen = f"--port {rest} --grpc-port {grpc} --admin-port {admin}"
    text = program.read_text()
    program.write_text(
        text.replace("exec ", f'[ "$1" != serve ] || set -- "$@" {listen}\nexec ', 1)
    )
    found = read(PAGES / page)
    actions = tuple(
        dataclasses.replace(action, text=action.text.replace("127.0.0.1:8501", f"127.0.0.1:{rest}"))
        for action in found.commands
    )
    try:
        copy.follow(dataclasses.replace(found, actions=actions))
    finally:  # where a command before the one that ends it has failed
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((copy.root / "var" / "serve.pid").read_text()), signal.SIGKILL)


def free_ports(count: int) -> list[int]:
    """That nothing listens on now."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in opened:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in opened]
