"""The documentation's links hold, every page can be reached, and paths that it names exist."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.example import may_be_gone

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DOCS = REPOSITORY / "docs"
INDEX = DOCS / "index.md"
BESIDE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "deploy/README.md")
FENCE = re.compile(r"^ *(`{3,}|~{3,}).*?^ *\1`*~* *$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)(.+?)\1")
LINK = re.compile(r"!?\[(?:[^\[\]`]|`[^`]*`)*\]\(([^()\s]+)\)")
OURS = re.compile(
    r"(?:taxiway|components|configs|models|pipelines|tests|tools|deploy|docs|benchmarks)/[\w./-]+"
)
"""A path in the repository, in backticks; with a placeholder or a pattern in it, it is none."""

WRITTEN = (
    *("components/", "tests/components/test_"),
    *("models/", "tests/models/", "configs/"),
)
"""Where `taxiway new component NAME` and `taxiway new model NAME` write what has that name."""


def pages() -> list[str]:
    """Every page, as a path below the repository."""
    below = sorted(path.relative_to(REPOSITORY).as_posix() for path in DOCS.rglob("*.md"))
    return [*BESIDE, *below]


def prose(path: Path) -> str:
    """A page without its fenced code."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def links(path: Path) -> Iterator[str]:
    """Targets of a page's links that stay within the repository."""
    for match in re.finditer(f"{LINK.pattern}|{CODE.pattern}", prose(path)):
        target = match[1]
        if target and "://" not in target and not target.startswith("mailto:"):
            yield target


def place(page: Path, target: str) -> Path:
    """The file or folder that a link leads to; a link with an anchor alone stays on its page."""
    path = target.partition("#")[0]
    return Path(os.path.normpath(page.parent / path)) if path else page


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", prose(path), re.MULTILINE):
        text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        same = [other for other in found if re.fullmatch(rf"{re.escape(slug)}(-\d+)?", other)]
        found.add(f"{slug}-{len(same)}" if same else slug)
    return found


def removed(path: Path) -> bool:
    """Whether it is of the example, which a fork may have removed."""
    return path.is_relative_to(REPOSITORY) and may_be_gone(path.relative_to(REPOSITORY).as_posix())


def reached_from(start: Path) -> set[Path]:
    """The pages that a reader comes to by following links."""
    reached, waiting = set[Path](), {start}
    while waiting:
        page = waiting.pop()
        reached.add(page)
        found = {place(page, target) for target in links(page)}
        waiting |= {path for path in found if path.suffix == ".md" and path.is_file()} - reached
    return reached


@pytest.mark.parametrize("page", pages())
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    path = REPOSITORY / page
    found = {target: place(path, target) for target in links(path)}
    broken = [target for target, there in found.items() if not (there.exists() or removed(there))]
    assert not broken, f"{page}: {broken}"


@pytest.mark.parametrize("page", pages())
def test_every_anchor_that_a_page_links_to_is_a_heading(page: str) -> None:
    path = REPOSITORY / page
    missing = [
        target
        for target in links(path)
        if "#" in target
        and place(path, target).is_file()
        and target.partition("#")[2] not in anchors(place(path, target))
    ]
    assert not missing, f"{page}: {missing}"


@pytest.mark.parametrize("page", pages())
def test_every_path_in_backticks_exists(page: str) -> None:
    named = {match[2] for match in CODE.finditer(prose(REPOSITORY / page))}
    paths = sorted(name for name in named if OURS.fullmatch(name))
    missing = [name for name in paths if not (REPOSITORY / name).exists()]
    made = set(re.findall(r"New file `([^`]+)`", prose(REPOSITORY / page)))  # by a how-to
    written = re.findall(r"taxiway new component (\w+)", (REPOSITORY / page).read_text())
    written += re.findall(r"taxiway new model (\w+)", (REPOSITORY / page).read_text())
    own = tuple(f"{place}{name}" for name in written for place in WRITTEN)
    missing = [name for name in missing if not name.startswith(own)]
    ignored = {"deploy/kubernetes/base/password.env", *made}
    ignored |= set(filter(may_be_gone, missing))
    assert not set(missing) - ignored, f"{page}: {missing}"


def test_the_index_reaches_every_page() -> None:
    reached = {path.relative_to(REPOSITORY).as_posix() for path in reached_from(INDEX)}
    assert set(pages()) - {"README.md"} <= reached


def test_the_sites_menu_names_every_page_but_single_decisions() -> None:
    config = tomllib.loads((REPOSITORY / "zensical.toml").read_text(encoding="utf-8"))

    def named(entries: list[dict[str, Any]]) -> Iterator[str]:
        for entry in entries:
            for value in entry.values():
                yield from [value] if isinstance(value, str) else named(value)

    own = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    single = {page for page in own if re.fullmatch(r"decisions/\d{4}-[a-z0-9-]+\.md", page)}
    assert own - single <= set(named(config["project"]["nav"]))


class TestDecisions:
    """One file each, numbered without a gap, dated, and in the index."""

    files = sorted((DOCS / "decisions").glob("[0-9]*.md"))

    def test_numbers_have_no_gap_and_no_twin(self) -> None:
        numbers = [int(path.name[:4]) for path in self.files]
        assert numbers == list(range(1, len(numbers) + 1))

    @pytest.mark.parametrize("path", files, ids=lambda path: path.name[:4])
    def test_each_has_title_date_and_choice_and_its_row_in_the_index(self, path: Path) -> None:
        title, _, date, *rest = path.read_text(encoding="utf-8").splitlines()
        number, name = int(path.name[:4]), title.partition(". ")[2]
        assert title == f"# {number}. {name}"
        day = re.fullmatch(r"Date: (\d{4}-\d\d-\d\d)", date)
        assert day, f"{path.name}: expected `Date: YYYY-MM-DD` in line 3, found {date!r}"
        assert any(line.startswith("**Choice.**") for line in rest)
        row = f"| [{number:04d}]({path.name}) | {name} | {day[1]} |"
        assert row in (path.parent / "README.md").read_text(encoding="utf-8").splitlines()


def terms() -> list[str]:
    """The glossary's lines."""
    lines = (DOCS / "glossary.md").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("- ")]


def test_each_term_of_the_glossary_is_one_line() -> None:
    assert len(terms()) > 50
    odd = [line for line in terms() if not re.match(r"- \*\*[^*]+\*{2,3}: [^ ].*\.$", line)]
    assert not odd


def test_the_glossary_is_in_alphabetical_order() -> None:
    names = [line.split("**")[1].lower() for line in terms()]
    assert names == sorted(names)
