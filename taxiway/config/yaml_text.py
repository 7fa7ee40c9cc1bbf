"""YAML from outside as plain values: whatever the text is, it ends soon, as values or as a reason.

Before OmegaConf builds anything, the text's events are counted, so that neither a few lines of
aliases that stand for gigabytes nor ten thousand brackets reach it. Numbers that YAML 1.1 reads in
a way that nobody means (010 is 8, 1:30 is 90) are refused, since their value would be used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from taxiway.root_cause import telling_line

TEXT_BYTES: Final = 1 << 20
NODES: Final = 20_000
"""Values in a text, each alias counted as all that it stands for; base.yaml has some hundred."""
DEPTH: Final = 32
INTERPOLATIONS: Final = 32
INTERPOLATED_CHARACTERS: Final = 1000
"""Of a value with `${...}`: one that refers to others that refer to others grows with each."""
_INT_BITS: Final = 63
_LONGEST_NUMBER: Final = 100

_OCTAL: Final = re.compile(r"[-+]?0[0-7_]*[1-7][0-7_]*")
_SEXAGESIMAL: Final = re.compile(r"[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?")


class UnusableTextError(ValueError):
    """Why a text gives no values, in one line."""


def parse(text: str, whole: bool = False) -> Any:
    """The plain values of a YAML text: dicts, lists, str, int, float, bool and None.

    Args:
      text: YAML.
      whole: refuse a comment, as in a path that has a blank before a `#`.

    Raises:
      UnusableTextError: it is no YAML, or it has what a config cannot.
    """
    try:
        end = _measure(text)
        if whole and "#" in text[end:]:
            raise UnusableTextError("what follows # is a comment in YAML: quote the value")
        values = OmegaConf.to_container(OmegaConf.from_dotlist([f"values={text}"]))
    except UnusableTextError:
        raise
    except yaml.MarkedYAMLError as error:
        told = str(error.problem)
        if told.startswith("but "):
            told = f"{error.context}, {told}"
        raise UnusableTextError(f"{_where(error)}{told}") from None
    except (OmegaConfBaseException, yaml.YAMLError) as error:
        raise UnusableTextError(telling_line(error)) from None
    except Exception as error:  # constructors of both libraries raise what Python raises in them
        raise UnusableTextError(telling_line(error) or type(error).__name__) from None
    assert isinstance(values, dict)
    found = values["values"]
    problem = next(problems(found), None)
    if problem:
        raise UnusableTextError(problem)
    return found


def problems(values: Any, key: str = "") -> Iterator[str]:
    """What no key of a config can have, each with its place; lazily, since the first is enough."""
    at = f"{key}: " if key else ""
    if isinstance(values, dict):
        for name, inner in values.items():
            if not isinstance(name, str):
                yield f"{at}the key {short(name)} is no text: quote it"
            else:
                yield from problems(name, key)
                yield from problems(inner, f"{key}.{name}" if key else name)
    elif isinstance(values, list):
        for index, inner in enumerate(values):
            yield from problems(inner, f"{key}.{index}" if key else str(index))
    elif isinstance(values, str):
        yield from (f"{at}{reason}" for reason in _text_problems(values))
    elif isinstance(values, int) and values.bit_length() > _INT_BITS:
        yield f"{at}a whole number of more than {_INT_BITS} bits"
    elif isinstance(values, float) and not math.isfinite(values):
        yield f"{at}{values} is no finite number"
    elif not isinstance(values, int | float | bool | None):
        yield f"{at}a value of the type {type(values).__name__}, expected text, a number or a list"


def interpolations(values: Any) -> int:
    """How many `${...}` there are in all texts."""
    if isinstance(values, dict):
        return sum(map(interpolations, values.values()))
    if isinstance(values, list):
        return sum(map(interpolations, values))
    return values.count("${") if isinstance(values, str) else 0


def short(value: object) -> str:
    """A value as Python writes it, cut; a number of many digits cannot be written at all."""
    try:
        text = repr(value)
    except ValueError:
        return "a number of too many digits"
    return text if len(text) <= 120 else text[:117] + "..."


def _text_problems(text: str) -> Iterator[str]:
    if "\0" in text:
        yield "a text with a NUL character"
    if not is_text(text):
        yield "bytes that are no UTF-8 text"
    if text == "???":
        yield "??? stands for a missing value"
    if "${" in text and len(text) > INTERPOLATED_CHARACTERS:
        yield f"a text with ${{...}} of more than {INTERPOLATED_CHARACTERS:,} characters"


def is_text(text: str) -> bool:
    """Whether UTF-8 can hold it: Python smuggles bytes that are no text through as surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _measure(text: str) -> int:
    """Refuses what would take long to build, and plain numbers that are read as others.

    Returns:
      How many characters come before the end of the last value.

    Raises:
      UnusableTextError: see above.
      yaml.YAMLError: the text is no YAML.
    """
    if len(text) > TEXT_BYTES:
        raise UnusableTextError(f"it has more than {TEXT_BYTES:,} characters")
    if not is_text(text):
        raise UnusableTextError("it has bytes that are no UTF-8 text")
    end = 0
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = [(None, 0)]

    def add(size: int) -> None:
        anchor, before = open_nodes[-1]
        open_nodes[-1] = anchor, before + size
        if sum(one for _, one in open_nodes) > NODES:
            raise UnusableTextError(f"it stands for more than {NODES:,} values")

    events: Any = yaml.parse(text, Loader=yaml.CSafeLoader)
    for event in events:
        if isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            mark: Any = event.end_mark
            end = mark.index
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in {anchor for anchor, _ in open_nodes}:
                raise UnusableTextError(f"{_line(event)}*{event.anchor} is within itself")
            add(sizes.get(str(event.anchor), 1))
        elif isinstance(event, yaml.ScalarEvent):
            _refuse_surprise(event)
            add(1)
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, 1))
            if len(open_nodes) > DEPTH:
                raise UnusableTextError(f"{_line(event)}more than {DEPTH} levels of nesting")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_nodes.pop()
            if anchor:
                sizes[anchor] = size
            add(size)
    return end


def _refuse_surprise(event: Any) -> None:
    value: str = event.value
    if event.style not in (None, "") or not event.implicit[0] or value[:1] not in "-+0123456789":
        return
    if len(value) > _LONGEST_NUMBER and value.lstrip("-+")[:1].isdigit():
        if value.replace("_", "").lstrip("-+").isalnum():
            raise UnusableTextError(f"{_line(event)}a number of {len(value):,} digits")
    elif _OCTAL.fullmatch(value):
        raise UnusableTextError(
            f"{_line(event)}{value} is octal in YAML: write {int(value.replace('_', ''), 8)}, or "
            "quote it"
        )
    elif _SEXAGESIMAL.fullmatch(value):
        raise UnusableTextError(
            f"{_line(event)}{value} is a number to the base of 60 in YAML: quote it"
        )


def _line(event: Any) -> str:
    mark = event.start_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: "


def _where(error: Any) -> str:
    mark = error.problem_mark or error.context_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
