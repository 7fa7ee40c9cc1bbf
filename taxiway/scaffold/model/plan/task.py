"""What is predicted, and what kind of task that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from taxiway.errors import ConfigError, DataError, did_you_mean
from taxiway.scaffold.model.columns.profile import Profile
from taxiway.scaffold.model.plan.names import label_rank
from taxiway.scaffold.model.plan.roles import Call, quoted

TaskName = Literal["binary", "multiclass", "regression"]
TASKS: Final = {"binary": "Binary", "multiclass": "MultiClass", "regression": "Regression"}
MOST_CLASSES: Final = 100
FEW_NUMBERS: Final = 10
"""Whole numbers up to so many different ones are classes, if each is there often enough."""
ROWS_EACH: Final = 3
"""Rows that each class of a label should have, on average, to be one."""
LEAST: Final = 5
"""Rows of a class; of fewer, a split by chance leaves one of its halves without any too often."""
RARE: Final = 10
"""Rows; a class that has fewer is told of."""
POSITIVE: Final = (
    *("yes", "true", "y", "t", "1", "1.0", "ja", "oui", "si", "sí", "positive", "pos", "churned"),
    *("churn", "fraud", "spam", "malignant", "late", "default", "bad", "fail", "failed", "sick"),
    *("died", "dead", "disease", "abnormal", "attack", ">50k", ">50k.", "accepted", "approved"),
)
"""Words for the answer that is looked for, where a label has two."""


@dataclass(frozen=True)
class Label:
    """What is predicted."""

    column: Profile
    task: TaskName
    reason: str
    """Why this column."""
    task_reason: str
    positive: Any = None
    """The value that is yes; None for 1."""

    @property
    def call(self) -> Call:
        """As features.py has it."""
        positive = [] if self.positive is None else [f"positive={quoted(self.positive)}"]
        return Call(TASKS[self.task], (quoted(self.column.name), *positive))

    @property
    def values(self) -> tuple[Any, ...]:
        """Its classes, the most frequent first; none where it is a number."""
        return () if self.task == "regression" else tuple(one for one, _ in self.column.common)


def choose_label(columns: Sequence[Profile], name: str = "", task: TaskName | None = None) -> Label:
    """The label that was named, or the likeliest; and its task.

    Raises:
      ConfigError: there is no such column, or none can be a label, or the task does not fit it.
      DataError: the label that was named cannot be one.
    """
    names = [column.name for column in columns]
    if name and name not in names:
        raise ConfigError(
            f"--label: the data has no column '{name}'{did_you_mean(name, names)} "
            f"(columns: {', '.join(names)})",
            edit="--label",
        )
    if name:
        column = columns[names.index(name)]
        problem = _problem(column, task)
        if problem:
            raise DataError(
                f"the label '{name}' {problem}", edit=f"--label, or the column '{name}' in the data"
            )
        reason = "as --label says"
    else:
        column, reason = _likeliest(columns, task)
    found, why = (task, "as --task says") if task else _task_of(column)
    if found == "binary" and column.distinct > 2:
        raise ConfigError(
            f"--task binary: the label '{column.name}' has {column.distinct} values, expected two",
            edit="--task or --label",
        )
    rare = [] if found == "regression" else [one for one in column.common if one[1] < LEAST]
    if rare:
        told = ", ".join(f"{value!r} in {count}" for value, count in rare[:5])
        raise DataError(
            f"the label '{column.name}' has classes of fewer than {LEAST} rows ({told}): the train "
            "or the eval split may be without them",
            edit=f"the data: give these rows another '{column.name}', or none (a row without a "
            "label is left out); or --label",
        )
    return Label(column, found, reason, why, _positive(column) if found == "binary" else None)


def rare_classes(label: Label) -> list[tuple[Any, int]]:
    """Classes that may be missing in one of the splits."""
    if label.task == "regression":
        return []
    return [(value, count) for value, count in label.column.common if count < RARE]


def _likeliest(columns: Sequence[Profile], task: TaskName | None) -> tuple[Profile, str]:
    good = [column for column in columns if not _problem(column, task)]
    if not good:
        told = "; ".join(f"'{one.name}' {_problem(one, task)}" for one in columns[:10])
        raise ConfigError(f"no column can be the label: {told}", edit="--label, or the data")
    ranks = {column.name: label_rank(column.name) for column in good}
    named = [column for column in good if ranks[column.name] is not None]
    if named:
        best = min(named, key=lambda column: ranks[column.name] or 0)
        return best, "its name is that of a label"
    if columns[-1] in good:
        return columns[-1], "the last column"
    if columns[0] in good:
        return columns[0], "the first column"
    return good[-1], "the last column that can be one"


def _problem(column: Profile, task: TaskName | None) -> str:
    """Why a column can be no label; empty where it can."""
    if column.what in ("empty", "list", "other", "date"):
        return "has no value" if column.what == "empty" else "is neither a class nor a number"
    if column.distinct < 2:
        return f"is {column.common[0][0]!r} in all rows: there is nothing to learn"
    if column.what == "int" and column.is_rising:
        return "counts the rows"
    if column.is_number and task != "multiclass":
        return ""
    known = column.rows - column.missing
    if column.distinct > MOST_CLASSES or known < ROWS_EACH * column.distinct:
        return (
            f"has {column.distinct} different values in {known} rows: too many to be classes "
            "(at least 3 rows each, at most 100 classes)"
        )
    if task == "regression":
        return "holds words, so --task regression cannot be"
    return ""


def _task_of(column: Profile) -> tuple[TaskName, str]:
    if column.distinct == 2:
        return "binary", "two values"
    if not column.is_number:
        return "multiclass", f"{column.distinct} values"
    known = column.rows - column.missing
    is_few = column.what == "int" and column.distinct <= FEW_NUMBERS
    if is_few and known >= 10 * column.distinct and column.common[-1][1] >= LEAST:
        return "multiclass", f"{column.distinct} whole numbers; --task regression takes an amount"
    return "regression", f"{column.distinct} numbers"


def _positive(column: Profile) -> Any:
    """The value that is yes, where it does not go without saying."""
    values = [value for value, _ in column.common]
    if column.kind == "INT" and set(map(str, values)) in ({"0", "1"}, {"true", "false"}):
        return None
    words = [value for value in values if str(value).strip().lower() in POSITIVE]
    if len(words) == 1:
        return words[0]
    return max(values) if column.is_number else values[-1]
