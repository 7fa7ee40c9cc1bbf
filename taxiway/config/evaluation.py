"""What the Evaluator measures, on which slices, and what it blesses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from taxiway.section import Frozen, Probability

MetricName = Annotated[str, Field(pattern=r"^[^\W\d_]\w*$")]
"""Letters of any script, digits and underscores; TFMA keeps names that begin with one to itself."""


class Metric(Frozen):
    """A metric with options; its plain name in the list stands for one without."""

    name: MetricName
    """As results, reports and thresholds call it."""
    kind: str = ""
    """One of the known metrics; empty means the one called `name`."""
    thresholds: tuple[Probability, ...] | None = None
    """Predictions above are positive; several give as many numbers."""
    num_thresholds: Annotated[int, Field(ge=2)] | None = None
    """How finely a curve is cut."""
    top_k: Annotated[int, Field(ge=1)] | None = None
    """Of the classes of a multi-class model, those with the highest predictions are positive."""
    class_id: Annotated[int, Field(ge=0)] | str | None = None
    """The class of a multi-class model to look at: its place among the classes, from 0 on, or its
    name where the task names its classes."""
    tfma_class: str = ""
    """Any metric class of TFMA's in place of a `kind`; `options` are its arguments."""
    options: Mapping[str, JsonValue] = {}
    """Arguments of a `tfma_class`."""
    better: Literal["higher", "lower", "target"] = "target"
    """Of a `tfma_class`: which way is better, for thresholds on change; `target` has none."""

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Metric:
        if self.thresholds == ():
            raise ValueError(f"metric '{self.name}' has an empty list of thresholds")
        if self.tfma_class and (self.kind or self.typed_options()):
            raise ValueError(
                f"metric '{self.name}' has a tfma_class, so what it takes goes into `options`, "
                "and it has no `kind`"
            )
        if not self.tfma_class and (self.options or self.better != "target"):
            raise ValueError(
                f"metric '{self.name}' has no tfma_class, which `options` and `better` are for"
            )
        return self

    def typed_options(self) -> dict[str, JsonValue]:
        """Those of the known metrics' options that are given."""
        options: dict[str, JsonValue] = {
            "thresholds": list(self.thresholds) if self.thresholds else None,
            "num_thresholds": self.num_thresholds,
            "top_k": self.top_k,
            "class_id": self.class_id,
        }
        return {name: value for name, value in options.items() if value is not None}

    @model_serializer(mode="wrap")
    def _short(self, whole: SerializerFunctionWrapHandler) -> Any:
        """A plain name stays one in the resolved config."""
        return self.name if self == Metric(name=self.name) else whole(self)


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class Change(Frozen):
    """How much worse than the baseline (the latest blessed model) a metric may be."""

    worst_absolute: Annotated[float, Field(ge=0.0)]
    """Largest loss allowed, in the metric's own unit."""


class Threshold(Frozen):
    """A bound on one metric; at least one of the keys is given."""

    metric: str
    """Name of one of `evaluation.metrics`."""
    lower: float | None = None
    """Smallest value that is blessed."""
    upper: float | None = None
    """Largest value that is blessed."""
    change: Change | None = None
    slices: Annotated[tuple[tuple[str, ...], ...], Field(min_length=1)] = ((),)
    """Slicing specs the bound holds on, in every slice of them; in `[[]]` it is the whole split."""

    @model_validator(mode="after")
    def _says_something(self) -> Threshold:
        if self.lower is None and self.upper is None and self.change is None:
            raise ValueError(f"threshold on '{self.metric}' needs lower, upper or change")
        return self


class NoConfidence(Frozen):
    """Figures alone."""

    kind: Literal["none"]


class Bootstrap(Frozen):
    """TFMA's Poisson bootstrap: 20 resamples of the rows, and Student's t; 95%."""

    kind: Literal["bootstrap"]


class Analytic(Frozen):
    """Formulas, for accuracy, precision, recall and AUC; 95%. The arrow engine only, and not where
    rows have weights."""

    kind: Literal["analytic"]


Confidence = Annotated[NoConfidence | Bootstrap | Analytic, Field(discriminator="kind")]


Metrics = Annotated[tuple[Annotated[Metric, BeforeValidator(_named)], ...], Field(min_length=1)]
BaselineRule = Literal["required", "when_usable"]


class Evaluation(Frozen):
    """What the Evaluator measures and what it blesses."""

    metrics: Metrics | None = None
    """Names, or names with options; where the key is left out, those of the model's task."""
    slices: tuple[tuple[str, ...], ...] = ()
    """Slicing specs beside the whole: each a list of columns to cross."""
    thresholds: Annotated[tuple[Threshold, ...], Field(min_length=1)] | None = None
    """Bounds that a blessed model keeps; where the key is left out, those of the model's task,
    which no model keeps that knows as little as a constant."""
    rank_by: str = ""
    """The metric by which the worst slices are found; empty means the first of `metrics` that has
    a better and a worse end."""
    baseline: BaselineRule = "when_usable"
    """What a baseline that is gone, or cannot answer about today's examples, does: `when_usable`
    goes on as if there were none, and says so; `required` fails the Evaluator."""
    confidence: Confidence = NoConfidence(kind="none")
    """Intervals beside the figures; thresholds are checked against the figures."""
    min_slice_rows: Annotated[int, Field(ge=1)] = 100
    """Smaller slices are measured but not ranked among the worst: their figures are noise."""

    @model_validator(mode="after")
    def _a_first_model_can_be_blessed(self) -> Evaluation:
        if self.thresholds and not any(map(_is_bounded, self.thresholds)):
            raise ValueError(
                "thresholds: all are on change alone, which TFX leaves out where there is no "
                "baseline; so no first model would be blessed, and there would never be a "
                "baseline: give one of them lower or upper"
            )
        return self


def _is_bounded(threshold: Threshold) -> bool:
    return threshold.lower is not None or threshold.upper is not None
