"""Gathers the pages of the documentation's site in one folder: tools/docs-pages.py FOLDER.

Pages live where their readers look for them: most in docs/, some beside what they are about. Links
between them hold in the repository; this script makes them hold in the site too. A link to a file
that is no page, such as a module, becomes its text, since the site has no address for it; an image
comes along.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BESIDE = {
    "CONTRIBUTING.md": "how-to/contributing.md",
    "CHANGELOG.md": "reference/changelog.md",
    "deploy/README.md": "how-to/deploy.md",
}
"""Pages that are not in docs/, and their places in the site."""
IMAGES = (".svg", ".png")
STYLE = Path("docs/site.css")

_CODE_OR_LINK = re.compile(
    r"(?P<code>(?P<ticks>`+).+?(?P=ticks))"
    r"|(?P<image>!?)\[(?P<text>(?:[^\[\]`]|`[^`]*`)*)\]\((?P<target>[^()\s]+)\)"
)


class BrokenLinkError(Exception):
    """A link to what does not exist."""


def pages(root: Path) -> dict[Path, Path]:
    """Every page, as a path in the repository, with its path in the site."""
    own = {path: path.relative_to(root / "docs") for path in sorted((root / "docs").rglob("*.md"))}
    return own | {root / source: Path(place) for source, place in BESIDE.items()}


def prose(text: str) -> Iterator[tuple[bool, str]]:
    """Each line with its end, and whether it is outside of fenced code."""
    fence = ""
    for line in text.splitlines(keepends=True):
        mark = re.match(r" *(`{3,}|~{3,})", line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
            yield False, line
        else:
            yield not fence, line


def page_for_site(source: Path, places: Mapping[Path, Path], images: dict[Path, Path]) -> str:
    """The text of a page with links as the site has them.

    Args:
      source: the page.
      places: all pages with their places in the site.
      images: receives those that the page shows, with theirs.

    Raises:
      BrokenLinkError: a link to what does not exist.
    """
    here = places[source].parent

    def rewritten(match: re.Match[str]) -> str:
        target, mark, anchor = (match["target"] or "").partition("#")
        if match["code"] or not target or "://" in target or target.startswith("mailto:"):
            return match[0]
        path = Path(os.path.normpath(source.parent / target))
        if not path.exists():
            raise BrokenLinkError(f"{source.relative_to(ROOT)}: {target} does not exist")
        if path.suffix in IMAGES:
            images[path] = path.relative_to(ROOT)
        place = places.get(path) or images.get(path)
        if place is None:
            return match["text"]
        return f"{match['image']}[{match['text']}]({os.path.relpath(place, here)}{mark}{anchor})"

    lines = prose(source.read_text(encoding="utf-8"))
    return "".join(_CODE_OR_LINK.sub(rewritten, line) if free else line for free, line in lines)


def gather(folder: Path) -> None:
    """Writes all pages and the images that they show; what was there before is removed."""
    places = pages(ROOT)
    images = {ROOT / STYLE: Path(STYLE.name)}
    shutil.rmtree(folder, ignore_errors=True)
    for source, place in places.items():
        text = page_for_site(source, places, images)
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text, encoding="utf-8")
    for source, place in images.items():  # and the style
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / place)


def main() -> int:
    """The program; 1 where a link is broken."""
    parser = argparse.ArgumentParser(prog="docs-pages.py", description=__doc__)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    try:
        gather(given.folder)
    except BrokenLinkError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201  # to who typed the command
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
