"""The status page in a real browser: what it shows, how wide it is, and what it asks for."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from taxiway.registry.auth.actor import Role
from taxiway.serving.gateway.status import ModelStatus, VersionStatus
from tests.browser import Page, page
from tests.taxiway.serving.gateway.admin.conftest import Port
from tests.taxiway.serving.gateway.conftest import Token
from tests.taxiway.serving.gateway.gateways import FIRST, SECOND, a_refusal, an_answer, an_ask

SHOWN = "document.querySelectorAll('tbody tr').length"
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def look(port: Port, folder: Path, body: Callable[[Page, str], Any]) -> Any:
    """Has a browser look at the port's page, in another thread than the gateway's."""

    def within(number: int) -> Any:
        with page(folder / "profile") as opened:
            return body(opened, f"http://127.0.0.1:{number}/")

    async def run(number: int) -> Any:
        return await asyncio.to_thread(within, number)

    return port.run(run)


@pytest.fixture
def busy(port: Port) -> Port:
    """Two models, one with a version that could not be loaded and a name that is markup."""
    failed = VersionStatus(
        "<img src=x onerror=alert(1)>", 3, "END", error="its digest is " + "0123456789abcdef" * 4
    )
    first = replace(port.gateway.now.models[0], versions=(failed, SECOND, FIRST))
    other = ModelStatus("a-model-with-a-rather-long-name-of-sixty-three-characters-at-most")
    decisions = {"written": 48_211, "dropped": 0}
    port.gateway.now = replace(port.gateway.now, models=(first, other), decisions=decisions)
    port.recorder.tick(time.monotonic() - 60.0)
    for number in range(400):
        port.recorder.answered(an_ask(model="parcels"), an_answer(), 0.002 + number % 7 / 1000)
        port.recorder.answered(an_ask(model="parcels"), an_answer("1.1.0", arm="candidate"), 0.04)
    port.recorder.refused(an_ask(model="parcels"), a_refusal(), 0.001)
    return port


def test_it_shows_versions_weights_latency_and_errors_and_asks_nobody_else(
    busy: Port, tmp_path: Path
) -> None:
    def body(opened: Page, url: str) -> None:
        for width, scheme in ((1600, "light"), (400, "dark")):
            opened.open(url, width, scheme)
            opened.wait_for(f"{SHOWN} === 4")
            opened.wait_for("document.body.innerText.includes('seen here over 6 s')")  # live
            text = opened.value("document.body.innerText")
            for word in ("parcels", "1.1.0 (2)", "90 %", "available", "300 MiB", "48,211", "ready"):
                assert word in text
            assert "0.12 % (1)" in text  # of 801 requests
            assert not opened.value(TOO_WIDE)
            opened.picture(tmp_path / f"{width}.png")
        assert not opened.complaints
        assert opened.requests
        assert [one for one in opened.requests if not one.startswith(url)] == []
        assert opened.value("document.querySelector('img')") is None  # a name is text

    look(busy, tmp_path, body)


def test_everything_on_it_has_a_name_for_who_cannot_see_it(busy: Port, tmp_path: Path) -> None:
    unnamed = """[...document.querySelectorAll('progress, svg, table, section')].filter(
        (one) => !one.getAttribute('aria-label') && !one.getAttribute('aria-labelledby')).length"""
    contrast = """(() => {
      const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
      const light = (text) => { const [r, g, b] = rgb(text).map((one) => { const part = one / 255;
        return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4; });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const canvas = document.createElement('div');
      canvas.style.backgroundColor = 'Canvas'; document.body.append(canvas);
      const back = light(getComputedStyle(canvas).backgroundColor);
      const texts = [...document.querySelectorAll('.quiet, .good, .bad, .lead, dt')];
      return Math.min(...texts.map((one) => {
        const front = light(getComputedStyle(one).color);
        return (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05); }));
    })()"""

    def body(opened: Page, url: str) -> None:
        for scheme in ("light", "dark"):
            opened.open(url, 400, scheme)
            opened.wait_for(f"{SHOWN} === 4")
            assert opened.value(unnamed) == 0
            assert opened.value("document.documentElement.lang") == "en"
            assert opened.value("document.querySelector('[role=status]').textContent")
            assert opened.value(contrast) >= 4.5  # WCAG 2, level AA

    look(busy, tmp_path, body)


def test_it_says_so_when_the_gateway_answers_no_more(busy: Port, tmp_path: Path) -> None:
    def body(opened: Page, url: str) -> None:
        opened.open(url)
        opened.wait_for(f"{SHOWN} === 4")
        real = busy.gateway.status
        busy.gateway.status = None  # type: ignore[assignment, method-assign]
        try:
            opened.wait_for("document.querySelector('#live.bad')")
        finally:
            busy.gateway.status = real  # type: ignore[method-assign]
        assert "s old" in opened.value("document.querySelector('#live').textContent")
        opened.wait_for("!document.querySelector('#live.bad')")

    look(busy, tmp_path, body)


def test_elsewhere_it_asks_for_a_token_and_keeps_it_in_the_tab_alone(
    open_port: Port, token: Token, tmp_path: Path
) -> None:
    text = token("ben", Role.VIEWER)
    typed = "document.querySelector('#token').value"

    def body(opened: Page, url: str) -> None:
        opened.open(url, 400)
        opened.wait_for(
            "document.querySelector('#login') && !document.querySelector('#login').hidden"
        )
        opened.picture(tmp_path / "login.png")
        for given in ("nonsense", text):
            opened.value(f"{typed} = {json.dumps(given)}")
            opened.value("document.querySelector('#login').requestSubmit()")
            opened.wait_for(f"{typed} === ''")
            if given == "nonsense":
                opened.wait_for("document.querySelector('#live.bad')")
        opened.wait_for(f"{SHOWN} === 2")
        assert opened.value("document.querySelector('#login').hidden")
        assert opened.value("document.cookie + JSON.stringify(localStorage)") == "{}"
        assert text not in opened.value("location.href + document.documentElement.outerHTML")

    look(open_port, tmp_path, body)
