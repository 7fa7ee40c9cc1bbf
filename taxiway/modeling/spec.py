"""FeatureSpec: the role of every column, which drives preprocessing, network and signatures."""

from __future__ import annotations

import importlib
import re
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from taxiway.errors import ConfigError, did_you_mean
from taxiway.modeling.column_names import stem
from taxiway.modeling.spec_checks import (
    check_all,
    check_choice,
    check_flag,
    check_name,
    check_positive,
    check_rising,
    check_whole,
)
from taxiway.root_cause import root_cause

XF_SUFFIX = "_xf"
Encoding = Literal["one_hot", "embedding"]


@dataclass(frozen=True)
class Numeric:
    """A number, scaled to mean 0 and deviation 1 and clipped to +-`clip` deviations.

    A missing value becomes the mean (0 after scaling); `indicator` adds a 0/1 column that says so.
    """

    name: str
    clip: float = 5.0
    indicator: bool = False

    def __post_init__(self) -> None:
        what = _named(self)
        check_positive(what, "clip", self.clip)
        check_flag(what, "indicator", self.indicator)


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

    def __post_init__(self) -> None:
        what = _named(self)
        check_whole(what, "max_vocabulary", self.max_vocabulary, least=1)
        check_whole(what, "oov_buckets", self.oov_buckets, least=0)
        check_choice(what, "encoding", self.encoding, get_args(Encoding))


@dataclass(frozen=True)
class Bucketized:
    """A number cut at `boundaries`, one-hot; one more bucket, the last, is for missing values."""

    name: str
    boundaries: tuple[float, ...]

    def __post_init__(self) -> None:
        boundaries = check_rising(_named(self), "boundaries", self.boundaries)
        object.__setattr__(self, "boundaries", boundaries)

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
        self._check_fields()
        for role in (self.numeric, self.categorical, self.bucketized):
            names = [column.name for column in role]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ConfigError(f"FeatureSpec names {twice} more than once in the same role")
        both = sorted(self.numbers() & {column.name for column in self.categorical})
        if both:
            raise ConfigError(f"FeatureSpec: {both} cannot be both a number and a category")
        if self.label == self.key:
            raise ConfigError(
                f"FeatureSpec: label and key are both '{self.label}', expected two columns"
            )
        reserved = sorted({self.label, self.key} & set(self.inputs()))
        if reserved:
            raise ConfigError(
                f"FeatureSpec: {reserved} is label or key and cannot be a feature too"
            )
        if not self.columns():
            raise ConfigError(
                "FeatureSpec names no column to learn from, expected one at least in numeric, "
                "categorical or bucketized"
            )
        outputs = [self.label, *(name for column in self.columns() for name in _outputs(column))]
        taken = sorted({name for name in outputs if outputs.count(name) > 1})
        if taken:
            raise ConfigError(
                f"FeatureSpec: {taken} names two columns after Transform; rename the label or a "
                "column"
            )

    def _check_fields(self) -> None:
        """Types of what was given; lists become tuples."""
        what = "FeatureSpec"
        check_name(what, "label", self.label)
        check_name(what, "key", self.key)
        examples = {
            "numeric": (Numeric, 'Numeric("age")'),
            "categorical": (Categorical, 'Categorical("colour")'),
            "bucketized": (Bucketized, 'Bucketized("age", boundaries=(18.0, 65.0))'),
            "slices": (str, '"colour"'),
        }
        for name, (kind, example) in examples.items():
            given = check_all(what, name, getattr(self, name), kind, example)
            object.__setattr__(self, name, given)
        for column in self.slices:
            check_name(what, "slices", column)

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
    return f"{stem(column.name)}_{role}{XF_SUFFIX}"


def indicator_name(column: Numeric) -> str:
    """The name of a numeric column's missing indicator after Transform."""
    return f"{stem(column.name)}_missing{XF_SUFFIX}"


def _outputs(column: Column) -> list[str]:
    """Everything that Transform makes of a column."""
    if isinstance(column, Numeric) and column.indicator:
        return [transformed_name(column), indicator_name(column)]
    return [transformed_name(column)]


def _named(column: Column) -> str:
    kind = type(column).__name__
    check_name(kind, "name", column.name)
    return f"{kind} '{column.name}'"


def features_file(module: str) -> str:
    """The file that has a model's FeatureSpec, as messages name it."""
    return f"{module.replace('.', '/')}/features.py"


def load_spec(module: str) -> FeatureSpec:
    """Reads `SPEC` from `<module>.features`.

    Raises:
      ConfigError: the module does not import, it has no FeatureSpec of that name, or one that
        cannot be.
    """
    name, path = f"{module}.features", features_file(module)
    try:
        loaded = importlib.import_module(name)
    except ConfigError as error:
        raise ConfigError(error.message, edit=f"{path}{_line(error, path)}") from error
    except Exception as error:
        raise ConfigError(
            f"{name} does not import: {root_cause(error)}{_meant(error)}",
            edit=f"model.module, or {path}",
        ) from error
    spec = getattr(loaded, "SPEC", None)
    if not isinstance(spec, FeatureSpec):
        raise ConfigError(
            f"{name} has no FeatureSpec named SPEC (found {type(spec).__name__})", edit=path
        )
    return spec


def _line(error: BaseException, path: str) -> str:
    """The last line of the file that was at work."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [one.lineno for one in frames if one.filename.endswith(f"/{path.rpartition('/')[2]}")]
    return f", line {lines[-1]}" if lines else ""


def _meant(error: BaseException) -> str:
    """A hint where a field is misspelt, which Python before 3.13 tells without one."""
    found = re.match(r"(\w+)\.__init__\(\) got an unexpected .* '(\w+)'$", str(error))
    classes: Sequence[Any] = (Numeric, Categorical, Bucketized, FeatureSpec)
    known = {one.__name__: [each.name for each in fields(one)] for one in classes}
    return did_you_mean(found[2], known.get(found[1], ())) if found else ""
