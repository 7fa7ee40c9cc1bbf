"""axe-core in a headless Chromium: what it finds wrong with a page; `make axe` installs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from tests.browser import Page

SCRIPT: Final = Path(__file__).parents[1] / ".axe" / "node_modules" / "axe-core" / "axe.min.js"
TAGS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
"""All that axe knows of WCAG 2.2 AA, and what it holds to be good practice."""
LOOKS: Final = [(width, scheme) for width in (400, 1600) for scheme in ("light", "dark")]
"""Widths and colour schemes that a page is looked at in."""
_RUN: Final = f"""
void axe.run({{runOnly: {{type: 'tag', values: {TAGS}}}}})
  .then(found => {{ window.axeFound = found.violations.map(
    one => [one.id, one.nodes.map(node => node.html.slice(0, 200))]) }})
"""


def violations(page: Page) -> list[Any]:
    """What breaks a rule on the page that is open: each rule's name and elements.

    Skips the test where axe-core is not installed.
    """
    if not SCRIPT.is_file():
        pytest.skip("axe-core is not installed: make axe")
    page.value(f"{SCRIPT.read_text(encoding='utf-8')}; 0")
    page.value(_RUN)
    page.wait_for("window.axeFound")
    return list(page.value("window.axeFound"))
