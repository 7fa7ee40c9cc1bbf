"""The gate's own rules, beside what TFX's validators find: one class per `kind`.

A new rule is a class with a `kind`, its own keys and `find`, and its name in `Rule` at the end; the
config then names it in `data_gate.rules`. What a rule finds stops the run.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError
from tensorflow_metadata.proto.v0 import statistics_pb2

from taxiway.errors import ConfigError
from taxiway.section import Frozen

STATISTICS_FILE: Final = "FeatureStats.pb"
WHOLE: Final = "(whole data set)"
"""In place of a column, where a finding is about none."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with one split."""

    source: Literal["schema", "drift", "rule"]
    split: str
    column: str
    severity: str
    """ERROR or WARNING, as TFDV rates it; what a rule finds is an ERROR."""
    description: str
    field: str = ""
    """Of the column in the schema, which the data does not fit; empty where it is none."""

    def __str__(self) -> str:
        return f"{self.severity} {self.split}/{self.column}: {self.description}"


@dataclass(frozen=True)
class Evidence:
    """What rules look at."""

    statistics: Mapping[str, statistics_pb2.DatasetFeatureStatistics]
    """TFDV's, by split."""

    def rows(self, split: str) -> int:
        """Rows of a split; 0 where there is no such split."""
        return int(self.statistics[split].num_examples) if split in self.statistics else 0


class GateRule(Frozen):
    """Base of all rules."""

    @abstractmethod
    def find(self, evidence: Evidence) -> Iterable[Finding]:
        """What breaks the rule; nothing where all is well."""


class FewestRows(GateRule):
    """A split with too few rows is not learned from, or judged by."""

    kind: Literal["fewest_rows"]
    split: str = "train"
    at_least: Annotated[int, Field(ge=1)]

    def find(self, evidence: Evidence) -> Iterable[Finding]:
        """One finding, with both numbers."""
        rows = evidence.rows(self.split)
        if rows < self.at_least:
            text = f"{rows:,} rows, expected at least {self.at_least:,}"
            yield Finding("rule", self.split, WHOLE, "ERROR", text)


Rule = FewestRows
"""An item of `data_gate.rules`: every kind of rule, joined by `|`."""

RULES: TypeAdapter[tuple[Any, ...]] = TypeAdapter(
    tuple[Annotated[Rule, Field(discriminator="kind")], ...]
)


def parse_rules(raw: Iterable[Mapping[str, Any]]) -> tuple[GateRule, ...]:
    """The rules of a config.

    Raises:
      ConfigError: a kind that no one knows, or keys that it does not take.
    """
    try:
        return tuple(RULES.validate_python([dict(one) for one in raw]))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(
            f"data_gate.rules.{place}: {first['msg']}, got {first['input']!r}",
            edit="data_gate.rules, or components/data_gate/rules.py",
        ) from None


def read_evidence(statistics_folder: Path) -> Evidence:
    """Reads the statistics of every split below an ExampleStatistics artifact."""
    found = {}
    for path in sorted(statistics_folder.glob(f"*/{STATISTICS_FILE}")):
        read = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())
        found[path.parent.name.partition("-")[2]] = read.datasets[0]
    return Evidence(found)
