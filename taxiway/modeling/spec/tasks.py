"""What a model predicts: one of two, one of several classes, or a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from taxiway.modeling.spec.checks import check_all, check_name, refuse

Value = bool | int | float | str

_NUMBERS = ("INT", "FLOAT")


@dataclass(frozen=True)
class _Labelled:
    """What all tasks have."""

    label: str
    """The column to predict."""

    hint: ClassVar[str] = ""
    """What to do about a label that the schema has as another type."""

    def __post_init__(self) -> None:
        check_name(type(self).__name__, "label", self.label)

    @property
    def label_kinds(self) -> tuple[str, ...]:
        """The types of the schema that the label may have."""
        return _NUMBERS

    @property
    def may_be(self) -> tuple[int | str, ...]:
        """All values that the label may have; empty where they are not known before the data."""
        return ()

    @property
    def must_be(self) -> Value | None:
        """A value that some label has in every split, if there is such."""
        return None


@dataclass(frozen=True)
class Binary(_Labelled):
    """Yes or no; the model answers with `probability`, that of yes."""

    positive: Value | None = None
    """The label's value that is yes, where every other is no; without one, the label is 1 or 0."""
    derive: str = ""
    """An expression over other columns that makes the label, such as `tips > 0.2 * fare`."""
    weight: str = ""
    """A column of numbers: how much each row counts."""
    definition: str = ""
    """What the label means, in words. It is part of the contract with callers: a model of another
    definition is a new MAJOR version."""

    hint: ClassVar[str] = (
        '; positive says which value is yes: text for BYTES, as in positive="yes", a number for '
        "INT and FLOAT"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_weight(self, self.weight)
        _check_definition(self, self.definition)
        if self.positive is not None and not isinstance(self.positive, Value):
            refuse("Binary", "positive", self.positive, "a value of the label")
        if self.positive == "":
            refuse("Binary", "positive", self.positive, "a value; an empty one counts as missing")

    @property
    def label_kinds(self) -> tuple[str, ...]:
        """Text where yes is a text, and a real number where it is one."""
        if isinstance(self.positive, str):
            return ("BYTES",)
        if isinstance(self.positive, float) and not self.positive.is_integer():
            return ("FLOAT",)
        return _NUMBERS

    @property
    def may_be(self) -> tuple[int | str, ...]:
        """Anything where it is said which value is yes."""
        return (0, 1) if self.positive is None else ()

    @property
    def must_be(self) -> Value | None:
        """Yes."""
        return 1 if self.positive is None else self.positive


@dataclass(frozen=True)
class MultiClass(_Labelled):
    """One of several classes; the model answers with `probabilities` and the likeliest `class`."""

    classes: tuple[str | int, ...] = ()
    """In the order of `probabilities`; without any, those of the train split, sorted."""
    derive: str = ""
    """As `Binary.derive`."""
    weight: str = ""
    """As `Binary.weight`."""
    definition: str = ""
    """As `Binary.definition`."""

    hint: ClassVar[str] = "; a label of real numbers is one for Regression"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_weight(self, self.weight)
        _check_definition(self, self.definition)
        given = check_all("MultiClass", "classes", self.classes, (str, int), '"red", "green"')
        if len(given) == 1 or len(set(map(str, given))) < len(given):
            refuse("MultiClass", "classes", self.classes, "two or more, each once")
        if "" in given:
            refuse("MultiClass", "classes", self.classes, "names; an empty one counts as missing")
        object.__setattr__(self, "classes", given)

    @property
    def label_kinds(self) -> tuple[str, ...]:
        """Names or whole numbers."""
        return ("INT", "BYTES")

    @property
    def may_be(self) -> tuple[int | str, ...]:
        """The classes, where they are given."""
        return self.classes


@dataclass(frozen=True)
class Regression(_Labelled):
    """A number; the model answers with `value`, in the label's own unit."""

    derive: str = ""
    """As `Binary.derive`."""
    weight: str = ""
    """As `Binary.weight`."""
    definition: str = ""
    """As `Binary.definition`."""

    hint: ClassVar[str] = "; a label of names is one for MultiClass"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_weight(self, self.weight)
        _check_definition(self, self.definition)


Task = Binary | MultiClass | Regression


def _check_weight(task: Task, weight: str) -> None:
    kind = type(task).__name__
    if weight != "":
        check_name(kind, "weight", weight)
    if weight == task.label:
        refuse(kind, "weight", weight, "another column than the label")


def _check_definition(task: Task, definition: object) -> None:
    if not isinstance(definition, str):
        expected = 'what the label means, as in "more than 15 minutes late"'
        refuse(type(task).__name__, "definition", definition, expected)
