"""What a filter is made of: each node says whether fields and a text satisfy it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from taxiway.registry.search.comparison import Value, Wanted, compare
from taxiway.registry.search.text import folded


class Node(Protocol):
    """A part of a filter."""

    def matches(self, fields: Mapping[str, Value], text: str) -> bool:
        """Whether something with these fields and this folded text satisfies it."""
        ...


@dataclass(frozen=True)
class Word:
    """Words that stand one after the other in the text; folded."""

    text: str

    def matches(self, fields: Mapping[str, Value], text: str) -> bool:
        """Wherever they stand, also within a longer word."""
        del fields
        return self.text in text


@dataclass(frozen=True)
class Comparison:
    """A field and what it is compared with; `place` is where the field stands in the filter."""

    field: str
    operator: str
    wanted: Wanted
    place: int

    def matches(self, fields: Mapping[str, Value], text: str) -> bool:
        """By the field of this name, else by one whose name differs in case."""
        del text
        negated = self.operator in ("!=", "!~")
        operator = self.operator.replace("!", "") if negated else self.operator
        actual = fields.get(self.field)
        if actual is None:
            name = folded(self.field)
            actual = next((value for key, value in fields.items() if folded(key) == name), None)
        return negated != compare(actual, operator, self.wanted)


@dataclass(frozen=True)
class And:
    """All of them; none of them is satisfied by everything."""

    parts: tuple[Node, ...]

    def matches(self, fields: Mapping[str, Value], text: str) -> bool:
        """The first that is not satisfied ends it."""
        return all(part.matches(fields, text) for part in self.parts)


@dataclass(frozen=True)
class Or:
    """One of them."""

    parts: tuple[Node, ...]

    def matches(self, fields: Mapping[str, Value], text: str) -> bool:
        """The first that is satisfied ends it."""
        return any(part.matches(fields, text) for part in self.parts)


@dataclass(frozen=True)
class Not:
    """The opposite."""

    part: Node

    def matches(self, fields: Mapping[str, Value], text: str) -> bool:
        """What the part does not match."""
        return not self.part.matches(fields, text)
