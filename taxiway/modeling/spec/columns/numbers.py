"""Numbers: scaled, or cut into buckets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal, get_args

from taxiway.modeling.spec.checks import (
    check_choice,
    check_flag,
    check_number,
    check_positive,
    check_rising,
    check_whole,
)
from taxiway.modeling.spec.columns.base import NUMBERS, Output, Role

Scale = Literal["standard", "log", "robust", "none"]
QUARTILES: Final = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Numeric(Role):
    """A number, scaled and then clipped to +-`clip`. INT or FLOAT.

    `scale` is `standard` (mean 0 and deviation 1), `log` (the same, of the logarithm of 1 + |x|
    with the sign of x: amounts, counts), `robust` (the median becomes 0 and the middle half of the
    values 1 wide: outliers count for nothing) or `none`. A missing value becomes the mean of what
    is scaled, the median, or a number of its own, by `impute`; `indicator` adds a 0/1 column that
    says so. An infinite value is clipped. Moments and quantiles are of the train split.
    """

    clip: float = 5.0
    indicator: bool = False
    scale: Scale = "standard"
    impute: float | Literal["mean", "median"] = "mean"

    role: ClassVar[str] = "number"
    kinds: ClassVar[tuple[str, ...]] = NUMBERS
    is_number: ClassVar[bool] = True

    def __post_init__(self) -> None:
        what = self._named()
        check_positive(what, "clip", self.clip)
        check_flag(what, "indicator", self.indicator)
        check_choice(what, "scale", self.scale, get_args(Scale))
        if isinstance(self.impute, str):
            check_choice(what, "impute", self.impute, ("mean", "median"), "a number")
        else:
            check_number(what, "impute", self.impute, "'mean', 'median' or a finite number")

    @property
    def fractions(self) -> tuple[float, ...]:
        """Of the quantiles that have to be known; none for most columns."""
        return QUARTILES if self.scale == "robust" or self.impute == "median" else ()

    def outputs(self) -> tuple[Output, ...]:
        """The scaled number, and its indicator."""
        scaled = Output(self.transformed_name, low=-self.clip, high=self.clip)
        return (scaled, Output(indicator_name(self))) if self.indicator else (scaled,)


@dataclass(frozen=True)
class Bucketized(Role):
    """A number cut at `boundaries`, one-hot; one more bucket, the last, is for missing values."""

    boundaries: tuple[float, ...]

    role: ClassVar[str] = "bucket"
    kinds: ClassVar[tuple[str, ...]] = NUMBERS
    is_number: ClassVar[bool] = True

    def __post_init__(self) -> None:
        boundaries = check_rising(self._named(), "boundaries", self.boundaries)
        object.__setattr__(self, "boundaries", boundaries)

    @property
    def width(self) -> int:
        """Columns after one-hot: one per bucket, and one for missing."""
        return len(self.boundaries) + 2

    def outputs(self) -> tuple[Output, ...]:
        """One-hot."""
        return (Output(self.transformed_name, self.width),)


@dataclass(frozen=True)
class Quantiles(Role):
    """A number cut into `buckets` of about as many rows each, one-hot; the last is for missing.

    The boundaries are values of the train split, and belong to the bucket above them. Where one
    value has more rows than a bucket should have, boundaries fall together and buckets stay empty.
    """

    buckets: int = 10

    role: ClassVar[str] = "quantile"
    kinds: ClassVar[tuple[str, ...]] = NUMBERS
    is_number: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_whole(self._named(), "buckets", self.buckets, least=2, most=MOST_QUANTILES)

    @property
    def fractions(self) -> tuple[float, ...]:
        """Of the quantiles that are its boundaries."""
        return tuple(number / self.buckets for number in range(1, self.buckets))

    @property
    def width(self) -> int:
        """Columns after one-hot: one per bucket, and one for missing."""
        return self.buckets + 1

    def outputs(self) -> tuple[Output, ...]:
        """One-hot."""
        return (Output(self.transformed_name, self.width),)


MOST_QUANTILES: Final = 256


def indicator_name(column: Numeric) -> str:
    """The name of a numeric column's missing indicator after Transform."""
    return column.output_name("missing")
