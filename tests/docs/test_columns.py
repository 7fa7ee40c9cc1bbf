"""The page of columns has every class of column, and its examples are Python."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest

from taxiway.modeling import spec
from taxiway.modeling.spec import Column
from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "reference" / "columns.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (.+?) \| ((?:BYTES|INT|FLOAT)[A-Z, ]*) \| `(\w+\(.+\))` \|", PAGE, re.M)


def made(code: str) -> Any:
    return eval(code, {name: getattr(spec, name) for name in spec.__all__})


def test_the_page_has_every_class_of_column() -> None:
    assert {type(made(code)) for _, _, code in ROWS} == set(get_args(Column))


@pytest.mark.parametrize(("kinds", "code"), [row[1:] for row in ROWS], ids=[r[0] for r in ROWS])
def test_an_example_makes_a_column_of_that_type(kinds: str, code: str) -> None:
    column = made(code)
    known = set(kinds.split(", "))
    assert known <= set(column.kinds)
    assert known == set(column.kinds) or getattr(column, "separator", "")
