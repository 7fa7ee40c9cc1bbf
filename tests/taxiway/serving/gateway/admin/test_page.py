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
from taxiway.registry.database.session import Database
from taxiway.serving.gateway.status import ModelStatus, VersionStatus
from tests.browser import Page, page
from tests.taxiway.delivery.rollout.conftest import CANARY, Delivered
from tests.taxiway.registry.deploy.conftest import Site
from tests.taxiway.serving.gateway.admin.conftest import Port
from tests.taxiway.serving.gateway.admin.scenes import (
    a_canary_in_its_analysis,
    an_experiment,
)
from tests.taxiway.serving.gateway.admin.test_app import audited
from tests.taxiway.serving.gateway.conftest import Token
from tests.taxiway.serving.gateway.gateways import FIRST, SECOND, a_refusal, an_answer, an_ask

SHOWN = "document.querySelectorAll('[aria-label^=versions] tbody tr').length"
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


@pytest.fixture
def delivered(registry: Database, tmp_path: Path) -> Delivered:
    """Parcels, whose version 1.0.2 has all traffic, and one gateway."""
    made = Delivered(Site(registry, tmp_path / "site"))
    made.gateway()
    return made


def cut_off(opened: Page) -> list[str]:
    """Texts that are wider than what is around them, and so cannot be read."""
    found: list[str] = opened.value("""[...document.querySelectorAll('#models *')].filter((one) =>
        one.getClientRects().length && one.closest('.unseen, thead') === null &&
        one.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5
      ).map((one) => one.textContent.slice(0, 80))""")
    return found


def test_a_rollout_is_shown_with_its_steps_its_look_and_the_shadow(
    port: Port, delivered: Delivered, tmp_path: Path
) -> None:
    a_canary_in_its_analysis(delivered)

    def body(opened: Page, url: str) -> None:
        for width, scheme in ((1600, "light"), (400, "dark"), (400, "light"), (1600, "dark")):
            opened.open(url, width, scheme)
            opened.wait_for("document.querySelector('.steps .now')")
            text = opened.value("document.body.innerText")
            for word in (
                "Traffic: 1.0.2 90 %, 1.0.1 10 % of requests with header x-region = eu or uk",
                "50 % copied to 1.0.1",
                "1.0.1 beside 1.0.2, canary",
                "looks: 1 success; 3 good ones needed",
                "90,000 requests of 1.0.2, 10,000 of 1.0.1",
                "error rate",
                "+0.1278 points",  # of its interval
                "+10 %",  # of the latency
                "99 %",  # of the shadow's answers agree
                "outside the audience",
            ):
                assert word in text, text
            now = "document.querySelector('[aria-current=step]').textContent"
            assert opened.value(now).startswith("▸analysis 3 x 60 s")
            assert not opened.value(TOO_WIDE)
            assert cut_off(opened) == []
            for one in ("events", "moves"):
                opened.value(f"document.querySelector('#{one}-parcels').open = true")
            assert not opened.value(TOO_WIDE)
            assert cut_off(opened) == []
            opened.picture(tmp_path / f"rollout-{width}-{scheme}.png")
        assert not opened.complaints
        assert [one for one in opened.requests if not one.startswith(url)] == []

    look(port, tmp_path, body)


def test_an_experiment_is_shown_with_its_arms_and_what_they_do(
    port: Port, delivered: Delivered, tmp_path: Path
) -> None:
    an_experiment(delivered, (1.0, 1.2, 1.0))

    def body(opened: Page, url: str) -> None:
        for width, scheme in ((1600, "light"), (400, "dark")):
            opened.open(url, width, scheme)
            opened.wait_for("document.querySelector('[aria-label=effects]')")
            text = opened.value("document.body.innerText")
            for word in ("1.0.2 (control)", "goal: increase profit", "+0.2", "not known to differ"):
                assert word in text, text
            better = "document.querySelector('[aria-label=effects] tbody tr').innerText"
            assert "better" in opened.value(better)
            assert not opened.value(TOO_WIDE)
            assert cut_off(opened) == []
            opened.picture(tmp_path / f"experiment-{width}-{scheme}.png")
        assert not opened.complaints

    look(port, tmp_path, body)


def test_a_rollout_is_aborted_by_the_keyboard_alone_with_a_reason(
    port: Port, delivered: Delivered, tmp_path: Path
) -> None:
    a_canary_in_its_analysis(delivered)
    focused = "document.activeElement.id"

    def body(opened: Page, url: str) -> None:
        opened.open(url, 1600)
        opened.wait_for("document.querySelector('#abort-parcels')")
        reached = []
        while "abort-parcels" not in reached:
            opened.press("Tab")
            reached.append(opened.value(focused))
            assert len(reached) < 20, reached
        assert {"undo-parcels", "pause-parcels", "promote-fully-parcels"} <= set(reached)
        drawn = "document.querySelector('#models section').isSameNode(window.before)"
        opened.value("void (window.before = document.querySelector('#models section'))")
        opened.wait_for(f"!{drawn}")  # it is drawn anew, and the focus stays
        assert opened.value(focused) == "abort-parcels"
        opened.press("Enter")
        opened.wait_for("document.querySelector('#act').open")
        assert "All traffic goes to 1.0.2 at once." in opened.value("document.body.innerText")
        opened.wait_for(f"{focused} === 'act-reason'")
        opened.write("too <b>slow</b>")
        opened.picture(tmp_path / "abort.png")
        opened.press("Enter")
        opened.wait_for("!document.querySelector('#act').open")
        opened.wait_for("document.body.innerText.includes('Degraded')")
        assert "too <b>slow</b>" in opened.value("document.body.innerText")
        opened.picture(tmp_path / "aborted.png")

    look(port, tmp_path, body)
    assert delivered.shares == {"1.0.2": ("stable", 100.0)}
    assert audited(delivered.database)[-1][1:] == (
        "rollout.abort",
        "aborted by root: too <b>slow</b>",
    )


def test_what_the_registry_refuses_is_told_where_it_was_asked(
    port: Port, delivered: Delivered, tmp_path: Path
) -> None:
    delivered.start(CANARY)

    def body(opened: Page, url: str) -> None:
        opened.open(url, 400)
        opened.wait_for("document.querySelector('#pause-parcels')")
        opened.value("document.querySelector('#pause-parcels').click()")
        delivered.ready()  # it moves on before the button is pressed
        opened.value("document.querySelector('#act-form').requestSubmit()")
        opened.wait_for("document.querySelector('#act-answer').textContent")
        assert "was expected" in opened.value("document.querySelector('#act-answer').textContent")
        assert not opened.value(TOO_WIDE)

    look(port, tmp_path, body)
    assert delivered.rollout.phase == "Progressing"


def test_what_is_open_stays_open(port: Port, delivered: Delivered, tmp_path: Path) -> None:
    def body(opened: Page, url: str) -> None:
        opened.open(url, 1600)
        opened.wait_for("document.querySelector('#moves-parcels')")
        opened.value("document.querySelector('#moves-parcels summary').click()")
        opened.wait_for("document.querySelector('#moves-parcels').open")
        delivered.promote(delivered.versions[0], reason="it was better")
        opened.wait_for("document.body.innerText.includes('it was better')")
        assert opened.value("document.querySelector('#moves-parcels').open")
        assert opened.value("document.querySelectorAll('#moves-parcels tbody tr').length") == 4

    look(port, tmp_path, body)


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
