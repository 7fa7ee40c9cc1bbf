"""What a model predicts: one of two, one of several classes, or a number."""

from __future__ import annotations

from dataclasses import dataclass

from taxiway.modeling.spec.checks import check_all, check_name, refuse

Value = bool | int | float | str


@dataclass(frozen=True)
class _Labelled:
    """What all tasks have."""

    label: str
    """The column to predict."""

    def __post_init__(self) -> None:
        check_name(type(self).__name__, "label", self.label)


@dataclass(frozen=True)
class Binary(_Labelled):
    """Yes or no; the model answers with `probability`, that of yes."""

    positive: Value | None = None
    """The label's value that is yes; without one, 1 or true."""
    derive: str = ""
    """An expression over other columns that makes the label, such as `tips > 0.2 * fare`."""
    weight: str = ""
    """A column of numbers: how much each row counts."""


@dataclass(frozen=True)
class MultiClass(_Labelled):
    """One of several classes; the model answers with `probabilities` and the likeliest `class`."""

    classes: tuple[str | int, ...] = ()
    """In the order of `probabilities`; without any, those of the train split, sorted."""
    derive: str = ""
    """As `Binary.derive`."""
    weight: str = ""
    """As `Binary.weight`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        given = check_all("MultiClass", "classes", self.classes, (str, int), '"red", "green"')
        if len(given) == 1 or len(set(given)) < len(given):
            refuse("MultiClass", "classes", self.classes, "two or more, each once")
        object.__setattr__(self, "classes", given)


@dataclass(frozen=True)
class Regression(_Labelled):
    """A number; the model answers with `value`, in the label's own unit."""

    derive: str = ""
    """As `Binary.derive`."""
    weight: str = ""
    """As `Binary.weight`."""


Task = Binary | MultiClass | Regression
