"""What a sweep is asked for: what it tries and how, by what trials are ranked, and when it ends."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Protocol

from taxiway.config.schema import Config
from taxiway.errors import ConfigError, did_you_mean
from taxiway.evaluation.defaults import for_task
from taxiway.evaluation.ranking import directions, ranking_of
from taxiway.modeling.spec import load_spec
from taxiway.registry.database.tables import canonical
from taxiway.runners.sweep.sampling.samplers import Kind
from taxiway.runners.sweep.sampling.space import Space

WORST: Final = "worst"
"""In place of a slice's name: whichever is worst in this trial."""


class Measured(Protocol):
    """Metrics of a slice, as the Evaluator's results have them."""

    name: str
    metrics: dict[str, float]


@dataclass(frozen=True)
class Objective:
    """By what trials are ranked."""

    metric: str
    slice: str
    """Such as `region=west`, WORST, or empty: over all rows."""
    higher: bool
    """Whether a higher value is better."""
    min_rows: int
    """Smaller slices are never the worst."""

    @property
    def text(self) -> str:
        """Such as `auc on the worst slice`."""
        if not self.slice:
            return self.metric
        return f"{self.metric} on {'the worst slice' if self.slice == WORST else self.slice}"

    def value(self, slices: Sequence[Measured]) -> float | None:
        """Of a trial; None where it was not measured or has no value."""
        found = [one for one in slices if self.metric in one.metrics]
        if self.slice == WORST:
            ranked = [
                one.metrics[self.metric]
                for one in found
                if "=" in one.name
                and one.metrics.get("example_count", self.min_rows) >= self.min_rows
            ]
            return (min if self.higher else max)(ranked, default=None)
        name = self.slice or "overall"
        return next((one.metrics[self.metric] for one in found if one.name == name), None)


def objective_of(
    config: Config, metric: str = "", slice_name: str = "", higher: bool | None = None
) -> Objective:
    """By what the trials of a sweep are ranked.

    Args:
      config: of the sweep.
      metric: one of `evaluation.metrics`; empty means the one that slices are ranked by.
      slice_name: see `Objective`.
      higher: whether a higher value is better; None goes by the metric.

    Raises:
      ConfigError: the metric or the slice is not measured, or nothing says which way is better.
    """
    spec = load_spec(config.model.module)
    known, ranking = directions(config.evaluation, spec), ranking_of(config.evaluation, spec)
    measured = [one.name for one in for_task(config.evaluation, spec).metrics or ()]
    name = metric or ranking.metric
    if not name or name not in measured:
        raise ConfigError(
            f"--metric: '{name}' is not measured{did_you_mean(name, measured)} "
            f"(evaluation.metrics: {', '.join(measured)})",
            edit="--metric, or evaluation.metrics",
        )
    if higher is None and name not in known:
        raise ConfigError(
            f"--metric: of '{name}' neither end is better; say which: --highest or --lowest",
            edit="--highest or --lowest",
        )
    _check_slice(slice_name, config)
    chosen = known.get(name) == "higher" if higher is None else higher
    return Objective(name, slice_name, chosen, ranking.min_rows)


def _check_slice(name: str, config: Config) -> None:
    specs = config.evaluation.slices
    if name and not any(specs):
        raise ConfigError(
            f"--slice {name}: evaluation.slices has none, so none is measured",
            edit="evaluation.slices",
        )
    if name in ("", WORST):
        return
    columns = [part.partition("=")[0] for part in name.split(", ")]
    if sorted(columns) not in [sorted(one) for one in specs]:
        told = "; ".join(", ".join(f"{column}=..." for column in one) for one in specs)
        raise ConfigError(
            f"--slice: '{name}' is not measured (expected {WORST}, or a slice of "
            f"evaluation.slices: {told})",
            edit="--slice, or evaluation.slices",
        )


@dataclass(frozen=True)
class Design:
    """A sweep as it was asked for."""

    space: Space
    sampler: Kind
    objective: Objective
    runs: int | None = None
    """How many trials at most; None where the sampler ends by itself."""
    minutes: float | None = None
    """No trial begins when those before it have taken so long."""
    seed: int = 0
    push: bool = False
    """Whether trials deliver what they train, as other runs do."""
    options: tuple[str, ...] = ()
    """Of the command line, that say which config is meant."""

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            **asdict(self),
            "options": list(self.options),
            "space": self.space.to_json(),
            "objective": asdict(self.objective),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Design:
        """From what `to_json` gave."""
        return cls(
            **{
                **values,
                "options": tuple(values["options"]),
                "space": Space.from_json(values["space"]),
                "objective": Objective(**values["objective"]),
            }
        )

    def digest(self, config: Mapping[str, Any]) -> str:
        """sha256 of what is asked for, apart from when it ends.

        Args:
          config: what every trial's config is made from.
        """
        asked = replace(self, runs=None, minutes=None).to_json()
        return hashlib.sha256(canonical([asked, config]).encode()).hexdigest()
