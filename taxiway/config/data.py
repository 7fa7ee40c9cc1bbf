"""The `data` section: input spans, and how they become examples."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from taxiway.section import Fraction, Frozen, Name

Keep = Literal["none", "link", "copy"]
SpanNumber = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""As large as TFX's range of spans knows them."""


class NewestSpan(Frozen):
    """The newest span found on disk."""

    kind: Literal["newest"]


class NamedSpan(Frozen):
    """One span, by number."""

    kind: Literal["named"]
    span: SpanNumber
    """Its number."""


class SpanWindow(Frozen):
    """The last `length` spans, up to `end` or to the newest on disk."""

    kind: Literal["window"]
    length: Annotated[int, Field(ge=1, le=2**31 - 1)]
    """How many spans; with `split.kind: time` at least 2."""
    end: SpanNumber | None = None
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

    spans: tuple[Annotated[int, Field(ge=1)], ...] = (1,)
    """Numbers of the spans; in the example, months."""
    keep_fraction: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Share of rows kept, chosen by row key; below 1 only to make a small data set for tests."""


class Csv(Frozen):
    r"""How CSV files are written: as RFC 4180 says, unless set otherwise.

    As Spark writes them: `{escape: "\\"}`. As MySQL does:
    `{delimiter: "\t", quote: "", escape: "\\", null_words: ["\\N"]}`.
    """

    delimiter: str = ","
    r"""One character between two cells; a tab is `"\t"`, in double quotes."""
    quote: str = '"'
    """One character around a cell, two of which in it are one; empty where nothing is quoted."""
    escape: str = ""
    """One character that makes an escape, a quote or a delimiter behind it plain, and stays where
    it stands before anything else; empty where there is none."""
    null_words: tuple[str, ...] = ()
    """Cells that have no value, in quotes or not, such as `[NA, "?"]`; empty cells never have."""

    @field_validator("delimiter", "quote", "escape")
    @classmethod
    def _is_one_character(cls, value: str, info: ValidationInfo) -> str:
        if not value and info.field_name != "delimiter":
            return value
        if len(value) != 1 or not value.isascii() or value.isalnum() or value in "\r\n\0":
            raise ValueError(
                "expected one ASCII character that is no letter, digit or line end; in YAML a tab "
                'is "\\t" and a backslash "\\\\", both in double quotes'
            )
        return value

    @field_validator("null_words")
    @classmethod
    def _are_words(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not word or {"\r", "\n"} & set(word) for word in value):
            raise ValueError("expected words without line ends; an empty cell never has a value")
        return value

    @model_validator(mode="after")
    def _differ(self) -> Csv:
        used = [one for one in (self.delimiter, self.quote, self.escape) if one]
        if len(set(used)) < len(used):
            raise ValueError(
                "delimiter, quote and escape must differ; a quote is doubled in quotes without "
                "any escape"
            )
        return self


class Data(Frozen):
    """The input spans and how they become examples."""

    dataset: Name
    """Name of the data set, and of its folder below `<output.root>/data`."""
    format: Literal["parquet", "csv"] = "parquet"
    """Of files whose names end with neither .parquet nor .csv. In CSV each line is a row: a quoted
    cell that goes on over a line end is refused."""
    csv: Csv = Csv()
    """Only for CSV."""
    root: str = ""
    """Folder of the spans; empty means `<output.root>/data/<dataset>`."""
    pattern: str = ""
    """Of the files, below root: names between slashes, with one {SPAN}, `*`, `?` or `[abc]`. Empty
    means `span-{SPAN}/*.<format>`. Root is no pattern, whatever characters it has."""
    schema_file: str = ""
    """Curated schema; empty means `schema.pbtxt` in the model's folder."""
    spans: Annotated[NewestSpan | NamedSpan | SpanWindow, Field(discriminator="kind")]
    split: Annotated[HashSplit | TimeSplit, Field(discriminator="kind")]
    on_bad_row: Literal["fail", "drop"] = "fail"
    """A cell that does not fit the schema ends the run (fail), or its row is left out and counted
    (drop)."""
    on_duplicate_key: Literal["warn", "fail"] = "warn"
    """Rows whose key an earlier row has are counted and told (warn), or end the run (fail). Without
    a key, rows that are as an earlier one is in all columns."""
    shards: Annotated[int, Field(ge=1, le=1_000)] = 4
    """TFRecord files for each split, as many as are written, and later read, at a time."""
    compression: Literal["gzip", "none"] = "gzip"
    """Of those files; without it they are five times as large and written a little faster."""
    keep: Keep = "none"
    """Whether the files that a run reads are kept by content below `<output.root>/kept`, so that it
    can be repeated after they have changed: as hard links where the file system has them (no room,
    but an edit in place changes both), or as copies. `taxiway clean` removes those of runs whose
    folders are gone."""
    export: Export = Export()

    @model_validator(mode="after")
    def _time_split_needs_two_spans(self) -> Data:
        one_span = not isinstance(self.spans, SpanWindow) or self.spans.length < 2
        if isinstance(self.split, TimeSplit) and one_span:
            raise ValueError(
                "split.kind 'time' needs spans.kind 'window' with length of 2 or more: "
                "the newest span is the eval split and the earlier ones are the train split"
            )
        return self
