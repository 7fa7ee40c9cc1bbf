"""A drawing of its own becomes part of a page: its ids, colours and size are the page's."""

from __future__ import annotations

import re

from taxiway.html import inline
from taxiway.html.svg import parsed

DRAWN = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="50">'
    '<title>own</title><marker id="head"><path d="M0.123456,1" fill="#123"/></marker>'
    '<path d="M1,1" stroke="#123" fill="none" marker-end="url(#head)"/></svg>'
)


def drawn(width: int) -> str:
    root = parsed(DRAWN.format(width=width))
    return inline(root, "What <it> is", "All of it.", {"#123": "line"}, kind="drawing")


def test_two_on_a_page_share_no_id_and_each_points_at_its_own() -> None:
    ids = re.findall(r'id="([^"]+)"', drawn(100) + drawn(200))
    assert len(ids) == len(set(ids)) == 6
    for one in (drawn(100), drawn(200)):
        (named,) = re.findall(r"url\(#([^)]+)\)", one)
        assert f'<marker id="{named}"' in one


def test_colours_are_classes_and_the_title_is_ours() -> None:
    made = drawn(100)
    assert 'class="fill-line"' in made
    assert 'class="stroke-line"' in made
    assert "#123" not in made
    assert "own" not in made
    assert "What &lt;it&gt; is</title>" in made


def test_its_size_follows_the_room_that_it_has() -> None:
    made = drawn(100)
    assert 'viewBox="0 0 100 50"' in made
    assert 'style="min-width: 80px; max-width: 100px"' in made
    assert "M0.1235,1" in made
