"""Lists and comparisons as pages: accessible, without a request, whatever runs are called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.axe import LOOKS, violations
from tests.browser import Page, page
from tests.taxiway.cli.runs.conftest import EVIL, Lab

TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with page(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.mark.one_stack
def test_both_pages_are_accessible_at_every_width_and_ask_for_nothing(
    opened: Page, lab: Lab, tmp_path: Path
) -> None:
    lab("runs", "tag", "run-1", f"owner={EVIL}")
    written = {"list": tmp_path / "list.html", "compare": tmp_path / "compare.html"}
    assert lab("runs", "list", "tags.owner ~ a or run", "--html", str(written["list"])).code == 0
    compared = ("run-1", "run-2", "run-3")
    assert lab("runs", "compare", *compared, "--html", str(written["compare"])).code == 0
    for path in written.values():
        url = path.as_uri()
        for width, scheme in LOOKS:
            opened.requests.clear()
            opened.open(url, width, scheme)
            opened.wait_for("document.readyState === 'complete' && document.querySelector('main')")
            assert not opened.value(TOO_WIDE), (path, width)
            assert violations(opened) == [], (path, width, scheme)
            assert set(opened.requests) <= {url}
    assert opened.complaints == []
