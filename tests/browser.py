"""A headless Chromium that a test drives through its DevTools pipe; skipped where there is none."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.tied import tied

NAMES = ("chromium", "chromium-browser", "google-chrome")
AT_3_AND_4 = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(given), fcntl.F_DUPFD, 10) for given in sys.argv[1:3]]
for wanted, end in zip((3, 4), ends):
    os.dup2(end, wanted)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Becomes a program that reads commands and writes answers where Chromium does."""
SECONDS = 60.0
"""That anything may take."""


class Page:
    """One tab, and all that it asked the network for or complained of.

    Args:
      sends: where commands go.
      reads: where answers and events come from.
    """

    def __init__(self, sends: int, reads: int) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._sends, self._reads = sends, reads
        self._buffer = b""
        self._number = 0
        self._session = ""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")

    def open(self, url: str, width: int = 1600, scheme: str = "light") -> None:
        """Goes to an address, on a screen of a width and with a colour scheme."""
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 700}
        self._call("Emulation.setDeviceMetricsOverride", **metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", features=features)
        self._call("Page.navigate", url=url)

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript is on the page."""
        told = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Returns once an expression is true, an element that is there among them."""
        until = time.monotonic() + SECONDS
        while not self.value(f"!!({expression})"):
            assert time.monotonic() < until, (
                f"{expression}: {self.value('document.body.innerText')}"
            )
            select.select([self._reads], [], [], 0.05)

    def press(self, key: str) -> None:
        """A key goes down and up: `Tab`, `Enter`."""
        code, text = {"Tab": (9, ""), "Enter": (13, "\r")}[key]
        for kind in ("keyDown", "keyUp"):
            what = {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}
            self._call("Input.dispatchKeyEvent", text=text if kind == "keyDown" else "", **what)

    def write(self, text: str) -> None:
        """Types into what has the focus."""
        self._call("Input.insertText", text=text)

    def picture(self, path: Path) -> None:
        """The whole page as a PNG."""
        told = self._call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(told["data"]))

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        command = {"id": self._number, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._sends, json.dumps(command).encode() + b"\0")
        while True:
            message = self._message()
            if message.get("id") == self._number:
                assert "error" not in message, message
                return dict(message["result"])
            self._hear(message)

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            assert select.select([self._reads], [], [], SECONDS)[0], "the browser does not answer"
            read = os.read(self._reads, 2**20)
            assert read, "the browser has ended"
            self._buffer += read
        text, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(text))

    def _hear(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif message.get("method") == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))


@contextmanager
def page(folder: Path) -> Iterator[Page]:
    """A tab of a browser whose profile is in an empty folder; it ends with the block."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    commands, answers = os.pipe(), os.pipe()
    flags = ["--headless=new", "--remote-debugging-pipe", f"--user-data-dir={folder}"]
    flags += ["--no-first-run", "--disable-gpu", "--disable-dev-shm-usage"]
    flags += ["--disable-background-networking", "--disable-component-update"]
    flags += ["--no-sandbox"] * (os.getuid() == 0)
    browser = subprocess.Popen(
        tied(sys.executable, "-c", AT_3_AND_4, str(commands[0]), str(answers[1]), program, *flags),
        pass_fds=(commands[0], answers[1]),
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(commands[0])
    os.close(answers[1])
    try:
        yield Page(commands[1], answers[0])
    finally:
        browser.terminate()
        browser.wait(SECONDS)
        os.close(commands[1])
        os.close(answers[0])
