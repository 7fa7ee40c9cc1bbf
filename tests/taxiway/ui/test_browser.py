"""The pages in a real browser: search, compare, approve by hand, and all that they ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from taxiway.registry.approval.states import state_of
from taxiway.registry.catalog.references import find
from tests import axe
from tests.browser import Page, page
from tests.taxiway.serving.gateway.ports import served
from tests.taxiway.ui.conftest import HOSTILE, Ui, opened, record

TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
UNNAMED = """[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
  .filter((one) => !one.labels.length && !one.getAttribute('aria-label')).length"""
"""Fields that nobody says what they are for."""
LOADED = "document.readyState === 'complete' && document.querySelector('h1')"


def look(ui: Ui, folder: Path, body: Callable[[Page, str], Any]) -> Any:
    """Has a browser look at the pages, in another thread than the server's."""

    def within(number: int) -> Any:
        with page(folder / "profile") as tab:
            return body(tab, f"http://127.0.0.1:{number}")

    async def run() -> Any:
        async with served(ui.app) as port:
            return await asyncio.to_thread(within, port)

    return asyncio.run(run())


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Ui]:
    """Three runs, two of which differ, and a version that waits."""
    ui = opened(tmp_path / "var")
    other = {"model.hyperparameters.learning_rate": 0.001, "model.name": "parcels"}
    for hour, (name, auc, config) in enumerate(
        (("north", 0.75, None), ("south", 0.8, other), ("west", 0.6, None))
    ):
        changes: dict[str, Any] = {"metrics": {"auc": auc}} | ({"config": config} if config else {})
        run_id = f"20260301-{name}-with-a-rather-long-name"
        started = f"2026-03-01T1{hour}:00:00.000000Z"
        ui.run(
            run_id,
            record=record(run_id, **changes),
            started_at=started,
            metrics={"auc": auc},
            failure="Trainer: " + "x" * 300 if name == "west" else "",
        )
    ui.tag("20260301-west-with-a-rather-long-name", "owner", HOSTILE)
    ui.version(run_id="20260301-north-with-a-rather-long-name")
    yield ui
    ui.database.close()


def go(tab: Page, url: str, width: int = 1600, scheme: str = "light") -> None:
    tab.open(url, width, scheme)
    path = url.split("/", 3)[3]
    tab.wait_for(f"{LOADED} && location.href.endsWith({path!r})")


@pytest.mark.one_stack
def test_runs_are_searched_compared_and_a_version_is_approved_by_the_keyboard_alone(
    busy: Ui, tmp_path: Path
) -> None:
    def reach(tab: Page, selector: str) -> None:
        for _ in range(60):
            tab.press("Tab")
            if tab.value(f"document.activeElement.matches({selector!r})"):
                return
        raise AssertionError(f"{selector} is not reached: {tab.value('document.body.innerText')}")

    def body(tab: Page, url: str) -> None:
        go(tab, f"{url}/runs")
        tab.press("Tab")
        assert tab.value("document.activeElement.className") == "skip"
        reach(tab, "#q")
        tab.write("metrics.auc > 0.7")
        tab.press("Enter")
        tab.wait_for(
            "location.search.includes('auc') && document.querySelectorAll('tbody tr').length == 2"
        )
        boxes = "document.querySelectorAll('input[name=run]')"
        tab.value(f"{boxes}.forEach((one) => one.click())")
        reach(tab, "form[action='/compare'] button")
        tab.press("Enter")
        tab.wait_for("location.pathname == '/compare' && document.querySelector('.outcome')")
        text = tab.value("document.querySelector('main').innerText")
        assert "they differ in config (model.hyperparameters.learning_rate)" in text
        assert "worse" in text or "better" in text

        go(tab, f"{url}/models/parcels/1.0.0")
        assert "pending" in tab.value("document.querySelector('h1').innerText")
        reach(tab, "form.decide input[name=reason]")
        tab.write("looked at by hand")
        reach(tab, "form.decide button")
        tab.press("Enter")
        tab.wait_for(f"{LOADED} && document.querySelector('h1').innerText.includes('approved')")
        assert "looked at by hand" in tab.value("document.body.innerText")
        assert not tab.complaints
        assert [one for one in tab.requests if not one.startswith((url, "data:"))] == []

    look(busy, tmp_path, body)
    with busy.database.reading() as connection:
        found = state_of(connection, find(connection, "parcels/1.0.0"), "")
    assert found is not None
    assert found.state == "approved"


@pytest.mark.one_stack
def test_pages_fit_a_phone_and_a_wide_screen_in_both_schemes(busy: Ui, tmp_path: Path) -> None:
    run = "20260301-north-with-a-rather-long-name"
    paths = {
        "runs": "/runs?columns=tags.owner,failure",
        "run": f"/runs/{run}",
        "compare": f"/compare?run={run}&run=20260301-south-with-a-rather-long-name",
        "models": "/models",
        "version": "/models/parcels/1.0.0",
        "audit": "/audit",
        "api": "/api",
        "login": "/login",
    }

    def body(tab: Page, url: str) -> None:
        for name, path in paths.items():
            for width, scheme in ((1600, "light"), (400, "dark")):
                go(tab, f"{url}{path}", width, scheme)
                tab.picture(tmp_path / f"{name}-{width}.png")
                assert not tab.value(TOO_WIDE), (name, width)
                assert tab.value(UNNAMED) == 0, name
                if axe.SCRIPT.is_file():
                    assert axe.violations(tab) == [], name
        assert tab.value("document.querySelector('img[src=x]')") is None
        assert not tab.complaints
        assert [one for one in tab.requests if not one.startswith((url, "data:"))] == []

    look(busy, tmp_path, body)
