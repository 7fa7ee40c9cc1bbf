"""FeatureSpec: the role of every column, which drives preprocessing, network and signatures."""

from __future__ import annotations

import importlib
import itertools
from dataclasses import dataclass, field
from typing import Literal

from taxiway.errors import ConfigError
from taxiway.root_cause import root_cause

XF_SUFFIX = "_xf"


@dataclass(frozen=True)
class Numeric:
    """A number, scaled to mean 0 and deviation 1 and clipped to +-`clip` deviations.

    A missing value becomes the mean (0 after scaling); `indicator` adds a 0/1 column that says so.
    """

    name: str
    clip: float = 5.0
    indicator: bool = False


@dataclass(frozen=True)
class Categorical:
    """A string, looked up in a vocabulary learned from the train split.

    Index 0 is a missing (or empty) value, 1 to V the vocabulary, most frequent first, and the last
    `oov_buckets` indices the hash buckets of unseen values.
    """

    name: str
    max_vocabulary: int = 1000
    oov_buckets: int = 1
    encoding: Literal["one_hot", "embedding"] = "one_hot"


@dataclass(frozen=True)
class Bucketized:
    """A number cut at `boundaries`, one-hot; one more bucket, the last, is for missing values."""

    name: str
    boundaries: tuple[float, ...]

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in itertools.pairwise(self.boundaries))
        if not self.boundaries or not rising:
            raise ConfigError(
                f"Bucketized '{self.name}': boundaries must rise from one to the next, "
                f"got {self.boundaries}"
            )

    @property
    def width(self) -> int:
        """Columns after one-hot: one per bucket, and one for missing."""
        return len(self.boundaries) + 2


Column = Numeric | Categorical | Bucketized


@dataclass(frozen=True)
class FeatureSpec:
    """The columns a model learns from. A new feature is one line here and one in the schema.

    A raw column may have two roles (say numeric and bucketized); `label` is an int64 of 0 or 1 and
    `key` a string that names the row for good.
    """

    label: str
    key: str
    numeric: tuple[Numeric, ...] = ()
    categorical: tuple[Categorical, ...] = ()
    bucketized: tuple[Bucketized, ...] = ()
    slices: tuple[str, ...] = field(default=())
    """Raw columns that the Evaluator may slice by, beside the categorical features."""

    def __post_init__(self) -> None:
        names = [transformed_name(column) for column in self.columns()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"FeatureSpec names {twice} more than once in the same role")
        both = sorted(self.numbers() & {column.name for column in self.categorical})
        if both:
            raise ConfigError(f"FeatureSpec: {both} cannot be both a number and a category")
        reserved = sorted({self.label, self.key} & set(self.inputs()))
        if reserved:
            raise ConfigError(
                f"FeatureSpec: {reserved} is label or key and cannot be a feature too"
            )

    def columns(self) -> tuple[Column, ...]:
        """Every role, in a stable order."""
        columns: tuple[Column, ...] = (*self.numeric, *self.categorical, *self.bucketized)
        return columns

    def inputs(self) -> tuple[str, ...]:
        """Raw columns a request must or may bring, each once, in a stable order."""
        return tuple(dict.fromkeys(column.name for column in self.columns()))

    def sliceable(self) -> tuple[str, ...]:
        """Columns that the Evaluator may slice by, each once, in a stable order."""
        categories = (column.name for column in self.categorical)
        return tuple(dict.fromkeys([*categories, *self.slices]))

    def numbers(self) -> frozenset[str]:
        """Those inputs that are numbers; the others are strings."""
        return frozenset(c.name for c in self.columns() if not isinstance(c, Categorical))


def transformed_name(column: Column) -> str:
    """The name of a column after Transform; its role is part of it."""
    role = {Numeric: "number", Categorical: "category", Bucketized: "bucket"}[type(column)]
    return f"{column.name}_{role}{XF_SUFFIX}"


def indicator_name(column: Numeric) -> str:
    """The name of a numeric column's missing indicator after Transform."""
    return f"{column.name}_missing{XF_SUFFIX}"


def load_spec(module: str) -> FeatureSpec:
    """Reads `SPEC` from `<module>.features`.

    Raises:
      ConfigError: the module does not import, or it has no FeatureSpec of that name.
    """
    name = f"{module}.features"
    try:
        loaded = importlib.import_module(name)
    except Exception as error:
        raise ConfigError(
            f"{name} does not import: {root_cause(error)}",
            edit=f"model.module, or {name.replace('.', '/')}.py",
        ) from error
    spec = getattr(loaded, "SPEC", None)
    if not isinstance(spec, FeatureSpec):
        raise ConfigError(
            f"{name} has no FeatureSpec named SPEC (found {type(spec).__name__})",
            edit=f"{name.replace('.', '/')}.py",
        )
    return spec
