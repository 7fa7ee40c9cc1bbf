"""The site's pages are those of the repository, with links that hold in the site."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

GUIDE = """\
# Guide
[home](../index.md#top) and [deploying](../../deploy/README.md)
[`code.py`](../../code.py), `[no](link.md)`, [elsewhere](https://example.com/a.md)
![chart](../../chart.svg)

```
[shown](as-it-is.md)
```
"""
GUIDE_IN_THE_SITE = """\
# Guide
[home](../index.md#top) and [deploying](deploy.md)
`code.py`, `[no](link.md)`, [elsewhere](https://example.com/a.md)
![chart](../chart.svg)

```
[shown](as-it-is.md)
```
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small repository with the script."""
    files = {
        "docs/index.md": "# Top\n[guide](how-to/guide.md) [changes](../CHANGELOG.md)\n",
        "docs/how-to/guide.md": GUIDE,
        "docs/site.css": "a { color: red; }\n",
        "deploy/README.md": "[guide](../docs/how-to/guide.md)\n",
        "CONTRIBUTING.md": "[docs](docs/index.md)\n",
        "CHANGELOG.md": "# Changes\n",
        "code.py": "",
        "chart.svg": "<svg/>",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "tools").mkdir()
    shutil.copy(REPOSITORY / "tools" / "docs-pages.py", tmp_path / "tools")
    return tmp_path


def gather(root: Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(root / "tools" / "docs-pages.py"), str(root / "pages")]
    return subprocess.run(line, capture_output=True, text=True)


def test_links_between_pages_hold_and_those_to_other_files_become_text(root: Path) -> None:
    assert gather(root).returncode == 0
    pages = root / "pages"
    assert (pages / "how-to/guide.md").read_text() == GUIDE_IN_THE_SITE
    assert (
        pages / "index.md"
    ).read_text() == "# Top\n[guide](how-to/guide.md) [changes](reference/changelog.md)\n"
    assert (pages / "how-to/deploy.md").read_text() == "[guide](guide.md)\n"
    assert (pages / "how-to/contributing.md").read_text() == "[docs](../index.md)\n"


def test_images_and_the_style_come_along_and_nothing_else(root: Path) -> None:
    gather(root)
    files = {path.relative_to(root / "pages").as_posix() for path in (root / "pages").rglob("*.*")}
    assert {name for name in files if not name.endswith(".md")} == {"chart.svg", "site.css"}


def test_a_page_that_is_gone_does_not_stay_in_the_site(root: Path) -> None:
    gather(root)
    (root / "docs/index.md").write_text("# Top\n")
    (root / "deploy/README.md").write_text("# Deploy\n")
    (root / "docs/how-to/guide.md").unlink()
    assert gather(root).returncode == 0
    assert not (root / "pages/how-to/guide.md").exists()


def test_a_broken_link_is_refused_with_its_page(root: Path) -> None:
    (root / "docs/index.md").write_text("[gone](gone.md)\n")
    done = gather(root)
    assert done.returncode == 1
    assert done.stderr == "error: docs/index.md: gone.md does not exist\n"
