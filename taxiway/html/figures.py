"""How a number is written on pages and in tables of Markdown."""

from __future__ import annotations


def figure(value: float | None) -> str:
    """Four decimals, but what is whole and larger than any share, or large, without."""
    if value is None:
        return "n/a"
    whole = abs(value) > 1 and value == int(value)
    return f"{value:,.0f}" if whole or abs(value) >= 1000 else f"{value:.4f}"


def signed(value: float | None) -> str:
    """A change, with its sign; `0` where there is none, as of a count."""
    if value is None:
        return "n/a"
    if value == 0:
        return "0"
    return f"+{figure(value)}" if value > 0 else figure(value)


def counted(count: int, noun: str) -> str:
    """Such as `1 warning` and `2 warnings`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
