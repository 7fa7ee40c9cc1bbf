"""How input becomes examples, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from taxiway.arrow.ingest.dialect import Dialect
from taxiway.arrow.ingest.duplicates import KeyFile
from taxiway.arrow.ingest.reading import Format, OnBadRow, Source
from taxiway.arrow.ingest.rows.columns import Columns, read_columns
from taxiway.arrow.ingest.rows.counting import Tally
from taxiway.arrow.ingest.writing import Compression
from taxiway.modeling.names import EVAL_SPLIT, TRAIN_SPLIT

SPLITS = (TRAIN_SPLIT, EVAL_SPLIT)
OnDuplicateKey = Literal["warn", "fail"]
Label = int | float | str
MOST_CLASSES: Final = 1_000


@dataclass(frozen=True)
class Settings:
    """How rows become examples.

    `train_buckets` of BUCKETS hash buckets are train rows; None splits by time instead: the newest
    span is the eval split.
    """

    schema_file: str
    key: str
    """A column that names a row; empty where its place and content do."""
    label: str
    on_bad_row: OnBadRow
    train_buckets: int | None
    shards: int
    """Files of each split, or a few more where they cannot be dealt evenly to the workers."""
    compression: Compression = "gzip"
    on_duplicate_key: OnDuplicateKey = "warn"
    format: Format = "parquet"
    dialect: Dialect = field(default_factory=Dialect)
    derive: str = ""
    """An expression that makes the label."""
    weight: str = ""
    """A column of row weights."""
    classes: tuple[Label, ...] = ()
    """What a label may be; empty where it may be anything."""
    positive: Label | None = None
    """A label that each split must have, beside others."""
    vocabularies: tuple[str, ...] = ()
    """Columns of which a vocabulary is learned: a train split without a value of one is refused."""

    def columns(self) -> Columns:
        """What the schema says of all columns; see `read_columns`."""
        return read_columns(self.schema_file, self.key, self.label, self.derive, self.weight)

    @property
    def source(self) -> Source:
        """What of it a reader needs."""
        return Source(self.format, self.dialect, self.on_bad_row)


@dataclass
class Summary:
    """What was read, left out and written."""

    rows_read: int = 0
    rows_dropped: int = 0
    first_dropped: str = ""
    rows_unlabelled: int = 0
    """Rows left out because they have no label."""
    first_unlabelled: str = ""
    splits: dict[str, Tally] = field(default_factory=lambda: {name: Tally() for name in SPLITS})
    classes: dict[str, set[Label]] = field(
        default_factory=lambda: {name: set[Label]() for name in SPLITS}
    )
    """Labels found in each split, MOST_CLASSES or a few more where there are many."""
    values: dict[str, int] = field(default_factory=dict)
    """How many train rows have a value, for each of `Settings.vocabularies`."""
    span_rows: dict[int, int] = field(default_factory=dict)
    """Rows written of each span."""
    keys: list[KeyFile] = field(default_factory=list)
    """Where the keys of the rows are."""
    rows_duplicate: int = 0
    """Rows whose key an earlier row has."""

    def left_out(self, of: str = "") -> str:
        """What was read and left out, for a message; empty where all is there."""
        parts = []
        if self.rows_dropped:
            parts.append(f"{self.rows_dropped} bad rows")
        if self.rows_unlabelled:
            parts.append(f"{self.rows_unlabelled} without a label")
        return f" ({', '.join(parts)} were left out{of})" if parts else ""

    @property
    def digest(self) -> str:
        """One order-independent digest of all rows written, by key."""
        return f"{sum(tally.digest for tally in self.splits.values()) % 2**64:016x}"

    def add(self, other: Summary) -> None:
        """Counts in what another part of the input gave."""
        self.rows_read += other.rows_read
        self.rows_dropped += other.rows_dropped
        self.first_dropped = self.first_dropped or other.first_dropped
        self.rows_unlabelled += other.rows_unlabelled
        self.first_unlabelled = self.first_unlabelled or other.first_unlabelled
        self.keys += other.keys
        for span, rows in other.span_rows.items():
            self.span_rows[span] = self.span_rows.get(span, 0) + rows
        for name, count in other.values.items():
            self.values[name] = self.values.get(name, 0) + count
        for name, tally in other.splits.items():
            self.splits[name].rows += tally.rows
            self.splits[name].digest = (self.splits[name].digest + tally.digest) % 2**64
            self.classes[name] |= other.classes[name]
