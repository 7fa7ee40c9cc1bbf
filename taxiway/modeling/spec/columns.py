"""The roles that a column can have: what is made of it, and what it becomes for the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from taxiway.modeling.spec.checks import (
    check_choice,
    check_flag,
    check_name,
    check_positive,
    check_rising,
    check_whole,
)
from taxiway.modeling.spec.column_names import stem

XF_SUFFIX = "_xf"
Encoding = Literal["one_hot", "embedding"]


@dataclass(frozen=True)
class Output:
    """A column after Transform: float32 [N, width], or int64 [N] below `width` to be embedded."""

    name: str
    width: int = 1
    embedded: bool = False


@dataclass(frozen=True)
class Numeric:
    """A number, scaled to mean 0 and deviation 1 and clipped to +-`clip` deviations.

    A missing value becomes the mean (0 after scaling); `indicator` adds a 0/1 column that says so.
    """

    name: str
    clip: float = 5.0
    indicator: bool = False

    role: ClassVar[str] = "number"
    is_number: ClassVar[bool] = True

    def __post_init__(self) -> None:
        what = _named(self)
        check_positive(what, "clip", self.clip)
        check_flag(what, "indicator", self.indicator)

    def outputs(self) -> tuple[Output, ...]:
        """The scaled number, and its indicator."""
        scaled = Output(transformed_name(self))
        return (scaled, Output(indicator_name(self))) if self.indicator else (scaled,)


@dataclass(frozen=True)
class Categorical:
    """A string, looked up in a vocabulary learned from the train split.

    Index 0 is a missing (or empty) value, 1 to V the vocabulary, most frequent first, and the last
    `oov_buckets` indices the hash buckets of unseen values; with 0 of these, such a value counts as
    missing.
    """

    name: str
    max_vocabulary: int = 1000
    oov_buckets: int = 1
    encoding: Encoding = "one_hot"

    role: ClassVar[str] = "category"
    is_number: ClassVar[bool] = False

    def __post_init__(self) -> None:
        what = _named(self)
        check_whole(what, "max_vocabulary", self.max_vocabulary, least=1)
        check_whole(what, "oov_buckets", self.oov_buckets, least=0)
        check_choice(what, "encoding", self.encoding, get_args(Encoding))

    @property
    def width(self) -> int:
        """Indices that it can take: missing, the vocabulary, the unseen."""
        return 1 + self.max_vocabulary + self.oov_buckets

    def outputs(self) -> tuple[Output, ...]:
        """One-hot, or the index."""
        return (Output(transformed_name(self), self.width, self.encoding == "embedding"),)


@dataclass(frozen=True)
class Bucketized:
    """A number cut at `boundaries`, one-hot; one more bucket, the last, is for missing values."""

    name: str
    boundaries: tuple[float, ...]

    role: ClassVar[str] = "bucket"
    is_number: ClassVar[bool] = True

    def __post_init__(self) -> None:
        boundaries = check_rising(_named(self), "boundaries", self.boundaries)
        object.__setattr__(self, "boundaries", boundaries)

    @property
    def width(self) -> int:
        """Columns after one-hot: one per bucket, and one for missing."""
        return len(self.boundaries) + 2

    def outputs(self) -> tuple[Output, ...]:
        """One-hot."""
        return (Output(transformed_name(self), self.width),)


Column = Numeric | Categorical | Bucketized


def transformed_name(column: Column) -> str:
    """The name of a column after Transform; its role is part of it."""
    return f"{stem(column.name)}_{column.role}{XF_SUFFIX}"


def indicator_name(column: Numeric) -> str:
    """The name of a numeric column's missing indicator after Transform."""
    return f"{stem(column.name)}_missing{XF_SUFFIX}"


def _named(column: Column) -> str:
    kind = type(column).__name__
    check_name(kind, "name", column.name)
    return f"{kind} '{column.name}'"
