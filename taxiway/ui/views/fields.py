"""Lists that are searched, sorted and turned over a page at a time, whatever their rows are of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import BaseModel

from taxiway.errors import ConfigError, did_you_mean
from taxiway.registry.catalog.entries import in_order
from taxiway.registry.search.comparison import Value
from taxiway.registry.search.filter import Filter, parse
from taxiway.ui.words import link

Fields = Mapping[str, Value]
AT_ONCE: Final = 50
MOST: Final = 1_000

FilterText = Annotated[str, Query(alias="q", description="A filter: words and comparisons.")]
SortKey = Annotated[
    str, Query(max_length=200, description="A field; with - before it the highest comes first.")
]
Columns = Annotated[
    str, Query(max_length=1_000, description="Further fields to show, such as tags.owner.")
]
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
Limit = Annotated[int, Query(ge=1, le=MOST, description="Rows of a page.")]


class Listed(BaseModel):
    """A page of a list.

    Args:
      q: the filter.
      sort: the field that it is sorted by.
      columns: fields that the page shows, in their order.
      total: rows that there are, on all pages.
      page: number of this one, from 1 on.
      pages: how many there are.
      next: address of the next one; empty on the last.
      previous: address of the one before; empty on the first.
      rows: fields of each, those with a dot as objects in one another.
    """

    q: str
    sort: str
    columns: list[str]
    total: int
    page: int
    pages: int
    next: str
    previous: str
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class Asked:
    """What is asked of a list.

    Args:
      path: of its page, in parts.
      wanted: the filter.
      sort: as in the address.
      columns: names that the address adds.
      page: from 1 on.
      limit: rows of a page.
    """

    path: tuple[str, ...]
    wanted: Filter
    sort: str
    columns: tuple[str, ...]
    page: int
    limit: int

    @classmethod
    def of(
        cls,
        path: Sequence[str],
        known: Collection[str],
        q: str,
        sort: str,
        columns: str,
        page: int,
        limit: int,
    ) -> Asked:
        """From the parameters of an address.

        Raises:
          ConfigError: the filter is not understood, or asks for a field that nothing can have.
        """
        wanted = parse(q)
        wanted.check(known)
        names = tuple(name for name in map(str.strip, columns.split(",")) if name)
        return cls(tuple(path), wanted, sort, names, page, limit)

    @property
    def fields(self) -> list[str]:
        """Names of fields that are needed to answer."""
        return [*self.wanted.fields, *self.columns, self.sort.removeprefix("-")]

    def answer(self, rows: Iterable[Fields], columns: Sequence[str]) -> Listed:
        """The page of rows that all satisfy the filter.

        Args:
          rows: in the order of the list.
          columns: shown whatever is asked for.

        Raises:
          ConfigError: no row has the field that it is to be sorted by.
        """
        found = list(rows)
        key = self.sort.removeprefix("-")
        if key:
            _check(key, found)
            found = in_order(found, self.sort)
        pages = max(1, -(-len(found) // self.limit))
        begin = (self.page - 1) * self.limit
        shown = [*columns, *(name for name in self.wanted.fields if "." in name), *self.columns]
        return Listed(
            q=self.wanted.text,
            sort=self.sort,
            columns=list(dict.fromkeys(shown)),
            total=len(found),
            page=self.page,
            pages=pages,
            next=self._at(self.page + 1) if self.page < pages else "",
            previous=self._at(min(self.page - 1, pages)) if self.page > 1 else "",
            rows=[nested(row) for row in found[begin : begin + self.limit]],
        )

    def _at(self, page: int) -> str:
        return link(
            *self.path,
            q=self.wanted.text,
            sort=self.sort,
            columns=",".join(self.columns),
            limit=self.limit if self.limit != AT_ONCE else 0,
            page=page if page > 1 else 0,
        )


def nested(row: Fields) -> dict[str, Any]:
    """Fields as JSON has them: `metrics.auc` within `metrics`."""
    out: dict[str, Any] = {}
    for name, value in row.items():
        head, dot, rest = name.partition(".")
        if dot:
            out.setdefault(head, {})[rest] = value
        else:
            out[name] = value
    return out


def _check(key: str, rows: Sequence[Fields]) -> None:
    known = {name: None for row in rows for name in row}
    if rows and key not in known:
        raise ConfigError(
            f"none of these has a field '{key}'{did_you_mean(key, known)} "
            f"(they have: {', '.join(sorted(known))})",
            edit="sort",
        )
