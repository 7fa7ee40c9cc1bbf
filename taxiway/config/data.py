"""The `data` section: input spans, and how they become examples."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from taxiway.section import Fraction, Frozen, Name


class NewestSpan(Frozen):
    """The newest span found on disk."""

    kind: Literal["newest"]


class NamedSpan(Frozen):
    """One span, by number."""

    kind: Literal["named"]
    span: Annotated[int, Field(ge=0)]
    """Its number."""


class SpanWindow(Frozen):
    """The last `length` spans, up to `end` or to the newest on disk."""

    kind: Literal["window"]
    length: Annotated[int, Field(ge=1)]
    """How many spans; with `split.kind: time` at least 2."""
    end: Annotated[int, Field(ge=0)] | None = None
    """Number of the last span; null means the newest on disk."""


class HashSplit(Frozen):
    """A row goes to train or eval by the hash of its key: stable over runs and row orders."""

    kind: Literal["hash"]
    eval_fraction: Fraction = 0.2
    """Share of rows in the eval split."""


class TimeSplit(Frozen):
    """The newest span of the window is the eval split, all earlier ones the train split."""

    kind: Literal["time"]


class Export(Frozen):
    """What `taxiway data` writes."""

    spans: tuple[Annotated[int, Field(ge=1)], ...]
    """Numbers of the spans; in the example, months."""
    keep_fraction: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Share of rows kept, chosen by row key; below 1 only to make a small data set for tests."""


class Data(Frozen):
    """The input spans and how they become examples."""

    dataset: Name
    """Name of the data set, and of its folder below `<output.root>/data`."""
    format: Literal["parquet", "csv"] = "parquet"
    """In CSV each line is a row: a quoted cell that goes on over a line end is refused."""
    root: str = ""
    """Folder of the spans; empty means `<output.root>/data/<dataset>`."""
    pattern: str = ""
    """TFX span pattern below root; empty means `span-{SPAN}/*.<format>`."""
    schema_file: str = ""
    """Curated schema; empty means `schema.pbtxt` in the model's folder."""
    spans: Annotated[NewestSpan | NamedSpan | SpanWindow, Field(discriminator="kind")]
    split: Annotated[HashSplit | TimeSplit, Field(discriminator="kind")]
    on_bad_row: Literal["fail", "drop"] = "fail"
    """A cell that does not fit the schema ends the run (fail), or its row is left out and counted
    (drop)."""
    shards: Annotated[int, Field(ge=1)] = 4
    """TFRecord files for each split, as many as are written, and later read, at a time."""
    compression: Literal["gzip", "none"] = "gzip"
    """Of those files; without it they are five times as large and written a little faster."""
    export: Export

    @model_validator(mode="after")
    def _time_split_needs_two_spans(self) -> Data:
        one_span = not isinstance(self.spans, SpanWindow) or self.spans.length < 2
        if isinstance(self.split, TimeSplit) and one_span:
            raise ValueError(
                "split.kind 'time' needs spans.kind 'window' with length of 2 or more: "
                "the newest span is the eval split and the earlier ones are the train split"
            )
        return self
