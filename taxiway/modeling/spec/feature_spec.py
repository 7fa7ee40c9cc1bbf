"""FeatureSpec: the role of every column, which drives preprocessing, network and signatures."""

from __future__ import annotations

import importlib
import re
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args

from taxiway.errors import ConfigError, did_you_mean
from taxiway.modeling.spec.checks import check_all, check_name, refuse
from taxiway.modeling.spec.columns import Column
from taxiway.modeling.spec.derive import check_derive
from taxiway.modeling.spec.tasks import Task
from taxiway.root_cause import root_cause


@dataclass(frozen=True)
class FeatureSpec:
    """The columns a model learns from. A new feature is one line here and one in the schema.

    A raw column may have several roles (say numeric and bucketized). The network reads the columns
    in the order in which they stand here.
    """

    task: Task
    """What is learned."""
    key: str | None = None
    """A column of strings that name each row for good; None makes one from the row's content."""
    columns: tuple[Column, ...] = ()
    slices: tuple[str, ...] = ()
    """Raw columns that the Evaluator may slice by, beside the categorical features."""

    def __post_init__(self) -> None:
        self._check_fields()
        roles = [(type(column), column.name) for column in self.columns]
        twice = sorted({name for role, name in roles if roles.count((role, name)) > 1})
        if twice:
            raise ConfigError(f"FeatureSpec names {twice} more than once in the same role")
        self._check_kinds()
        if self.label == self.key:
            raise ConfigError(
                f"FeatureSpec: label and key are both '{self.label}', expected two columns"
            )
        reserved = sorted(set(self.apart()) & set(self.inputs()))
        if reserved:
            raise ConfigError(
                f"FeatureSpec: {reserved} is label, weight or key and cannot be a feature too"
            )
        if not self.columns:
            raise ConfigError(
                "FeatureSpec names no column to learn from, expected one at least in columns, as "
                'in columns=(Numeric("age"),)'
            )
        outputs = [out.name for column in self.columns for out in column.outputs()]
        outputs += [name for name in (self.label, self.weight) if name]
        taken = sorted({name for name in outputs if outputs.count(name) > 1})
        if taken:
            raise ConfigError(
                f"FeatureSpec: {taken} names two columns after Transform; rename the label or a "
                "column"
            )

    def _check_fields(self) -> None:
        """Types of what was given; lists become tuples."""
        what = "FeatureSpec"
        if not isinstance(self.task, get_args(Task)):
            refuse(what, "task", self.task, 'a task, as in Binary("late")')
        check_derive(type(self.task).__name__, self.task.label, self.task.derive)
        if self.key is not None:
            check_name(what, "key", self.key)
        examples = {
            "columns": (get_args(Column), 'Numeric("age")'),
            "slices": ((str,), '"colour"'),
        }
        for name, (kinds, example) in examples.items():
            given = check_all(what, name, getattr(self, name), kinds, example)
            object.__setattr__(self, name, given)
        for column in self.slices:
            check_name(what, "slices", column)

    def _check_kinds(self) -> None:
        """Every role of a raw column must be able to have the type that the others have."""
        for name in self.inputs():
            roles = [column for column in self.columns if name in column.sources]
            if not set.intersection(*(set(column.kinds) for column in roles)):
                number, text = (
                    next(type(c).__name__ for c in roles if c.is_number is is_number)
                    for is_number in (True, False)
                )
                raise ConfigError(
                    f"FeatureSpec: ['{name}'] cannot be both a number ({number}) and text ({text})"
                )
            if len({column.takes_lists for column in roles}) > 1:
                many = next(type(column).__name__ for column in roles if column.takes_lists)
                one = next(type(column).__name__ for column in roles if not column.takes_lists)
                raise ConfigError(
                    f"FeatureSpec: ['{name}'] cannot have both several values ({many}) and one "
                    f"({one}) in a row; a text that holds several has a separator"
                )

    @property
    def label(self) -> str:
        """The column to predict."""
        return self.task.label

    @property
    def weight(self) -> str:
        """The column of row weights; empty where all rows count alike."""
        return self.task.weight

    def apart(self) -> tuple[str, ...]:
        """Raw columns that are no features: label, weight and key, where there are such."""
        return tuple(name for name in (self.label, self.weight, self.key) if name)

    def inputs(self) -> tuple[str, ...]:
        """Raw columns a request must or may bring, each once, in a stable order."""
        return tuple(dict.fromkeys(name for column in self.columns for name in column.sources))

    def sliceable(self) -> tuple[str, ...]:
        """Columns that the Evaluator may slice by, each once, in a stable order."""
        return tuple(dict.fromkeys([*self.categories(), *self.slices]))

    def categories(self) -> tuple[str, ...]:
        """Those inputs that are categories, each once, in a stable order."""
        return tuple(dict.fromkeys(column.name for column in self.columns if column.sliceable))

    def numbers(self) -> frozenset[str]:
        """Those inputs that are numbers in each of their roles.

        The others are strings, or whole numbers that have to be exact.
        """
        others = {n for column in self.columns if not column.is_number for n in column.sources}
        return frozenset(self.inputs()) - others

    def lists(self) -> frozenset[str]:
        """Those inputs of which a row may have any number of values."""
        return frozenset(column.name for column in self.columns if column.takes_lists)


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
    classes: Sequence[Any] = (*get_args(Column), *get_args(Task), FeatureSpec)
    known = {one.__name__: [each.name for each in fields(one)] for one in classes}
    return did_you_mean(found[2], known.get(found[1], ())) if found else ""
