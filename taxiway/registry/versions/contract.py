"""The contract of a version with its callers, and in words why another one does not keep it.

A contract is plain values, as `taxiway.modeling.spec.contract` makes them of a model's spec and the
curated schema:

    {"inputs": {"hour": {"type": "whole number", "domain": {"min": 0, "max": 23}},
                "region": {"type": "string", "domain": {"values": ["north", "south"]}}},
     "outputs": {"probability": "number"},
     "label": "late", "definition": "more than 15 minutes after schedule",
     "task": "Binary", "positive": None, "classes": [], "derive": ""}

An input without a domain takes any value of its type.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

OF_THE_TARGET: Final[Mapping[str, str]] = {
    "label": "the label",
    "definition": "the label's definition",
    "task": "the task",
    "positive": "the label's value that is yes",
    "classes": "the list of classes",
    "derive": "the expression that makes the label",
}
"""What is learned, as messages call it; any change of it is one of what answers mean."""
_SHOWN: Final = 5
_LONGEST: Final = 200


def incompatibilities(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Why who calls a model of one contract must change for another; empty where nobody must.

    Args:
      before: the contract that callers rely on.
      after: of the model that is to take its place.

    Returns:
      A sentence each, such as "input `wind` was number, is string". A domain may grow, and one that
      shrinks or changes is a reason: a request that was right is none any more.
    """
    return [
        *_names("input", before.get("inputs", {}), after.get("inputs", {})),
        *_inputs(before.get("inputs", {}), after.get("inputs", {})),
        *_target(before, after),
        *_names("output", before.get("outputs", {}), after.get("outputs", {})),
        *_outputs(before.get("outputs", {}), after.get("outputs", {})),
    ]


def _names(what: str, before: Collection[str], after: Collection[str]) -> Iterator[str]:
    yield from (f"{what} `{name}` is gone" for name in before if name not in after)
    yield from (f"{what} `{name}` is new" for name in after if name not in before)


def _inputs(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in (name for name in before if name in after):
        was, now = before[name], after[name]
        if was["type"] != now["type"]:
            yield f"input `{name}` was {was['type']}, is {now['type']}"
        elif not _takes(now.get("domain") or {}, was.get("domain") or {}):
            yield f"input `{name}` {_narrowed(was.get('domain') or {}, now.get('domain') or {})}"


def _target(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for key, name in OF_THE_TARGET.items():
        was, now = before.get(key), after.get(key)
        if was != now:
            yield f"{name} was {_shown(was)}, is {_shown(now)}"


def _outputs(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in (name for name in before if name in after):
        if before[name] != after[name]:
            yield f"output `{name}` was {before[name]}, is {after[name]}"


def _takes(wide: Mapping[str, Any], narrow: Mapping[str, Any]) -> bool:
    """Whether a domain has all values of another."""
    if not wide:
        return True
    if "values" in wide:
        return "values" in narrow and set(wide["values"]) >= set(narrow["values"])
    if wide.keys() <= {"min", "max"}:
        bounded = narrow.keys() <= {"min", "max"}
        return bounded and _low(wide) <= _low(narrow) and _high(wide) >= _high(narrow)
    return dict(wide) == dict(narrow)


def _low(domain: Mapping[str, Any]) -> float:
    return float(domain.get("min", -math.inf))


def _high(domain: Mapping[str, Any]) -> float:
    return float(domain.get("max", math.inf))


def _narrowed(was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    if "values" in was and "values" in now:
        gone = sorted(set(was["values"]) - set(now["values"]))
        return f"no longer takes {_shown_domain({'values': gone})}"
    return f"took {_shown_domain(was)}, takes {_shown_domain(now)}"


def _shown_domain(domain: Mapping[str, Any]) -> str:
    if "values" in domain:
        values = domain["values"]
        more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
        return (", ".join(map(repr, values[:_SHOWN])) + more)[:_LONGEST] or "nothing"
    if not domain:
        return "anything"
    if domain.keys() <= {"min", "max"}:
        ends = [f"{word} {_bound(domain[end])}" for end, word in _ENDS.items() if end in domain]
        return " and ".join(ends)
    return ", ".join(f"{name} {value}" for name, value in domain.items())[:_LONGEST]


def _bound(value: float) -> str:
    """A schema's real numbers are float32."""
    return str(value) if isinstance(value, int) else f"{value:.7g}"


_ENDS: Final = {"min": "at least", "max": "at most"}


def _shown(value: Any) -> str:
    if value in (None, "", [], ()):
        return "not given"
    if isinstance(value, list | tuple):
        return ", ".join(map(repr, value))[:_LONGEST]
    return (f"`{value}`" if isinstance(value, str) else repr(value))[:_LONGEST]
