"""Which spans, and which of their files, a run reads."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from taxiway.arrow.ingest import spans
from taxiway.arrow.ingest.spans import SpanRange
from taxiway.errors import ConfigError, DataError
from tests.taxiway.arrow.ingest.conftest import SCHEMA, Spans, lines

pytestmark = pytest.mark.pipeline


def test_spans_are_found_by_number_not_by_name(data: Spans) -> None:
    for span in (9, 10, 11):
        data.csv(lines(4), span)
    assert data.resolve().spans == (11,)
    assert data.resolve(length=3).patterns == ("span-9/*", "span-10/*", "span-11/*")
    assert data.resolve(length=2, last=10).spans == (9, 10)
    assert data.resolve(last=9).spans == (9,)


def test_zero_padded_spans_are_found_where_the_pattern_says_the_width(data: Spans) -> None:
    for name in ("span-08", "span-09", "span-7", ".tmp-1"):
        (data.base / name).mkdir(parents=True)
        (data.base / name / "a.csv").write_text("")
    found = spans.resolve(str(data.base), "span-{SPAN:2}/*.csv", SpanRange(2), str(data.schema))
    assert found.patterns == ("span-08/*.csv", "span-09/*.csv")


@pytest.mark.parametrize(("length", "last"), [(1, 7), (4, None), (3, 2), (1, 13)])
def test_a_span_out_of_range_is_told_with_those_that_exist(
    data: Spans, length: int, last: int | None
) -> None:
    for span in (1, 2, 4):
        data.csv(lines(4), span)
    with pytest.raises(DataError, match=r"(?s)spans that exist: 1, 2, 4.*data\.spans.*taxiway dat"):
        data.resolve(length, last)


def test_an_empty_span_is_refused_even_if_it_is_the_newest(data: Spans) -> None:
    data.csv(lines(4), 1)
    (data.base / "span-2").mkdir()
    empty = r"span 2 is empty: no file matches .*span-2/\*\.parquet"
    with pytest.raises(DataError, match=rf"{empty} \(in the folder: nothing\)"):
        data.resolve(kind="*.parquet")
    for name in ("b.csv", "a.csv", "c.csv", "d.csv", "e.csv"):
        data.csv(lines(4), 2, name)
    told = rf"{empty} \(in the folder: a\.csv, b\.csv, c\.csv and 2 more\)\n  edit: data\.format"
    with pytest.raises(DataError) as caught:
        data.resolve(kind="*.parquet")
    assert re.match(told, str(caught.value))


def test_no_span_at_all_is_refused(data: Spans) -> None:
    with pytest.raises(DataError, match=r"(?s)no span exists below .*taxiway data"):
        data.resolve()


@pytest.mark.parametrize("pattern", ["*.csv", "{SPAN}/{SPAN}", "{YYYY}/{SPAN}", "a,{SPAN}"])
def test_a_pattern_without_exactly_one_span_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match=r"data\.pattern: got"):
        spans.check_pattern(pattern)


def test_the_fingerprint_sees_every_file_and_the_schema(data: Spans) -> None:
    data.csv(lines(4), 1)
    path = data.csv(lines(4), 2)
    seen = [data.resolve(length=2).fingerprint]
    assert data.resolve(length=2).fingerprint == seen[0]
    path.write_text("changed")
    seen.append(data.resolve(length=2).fingerprint)
    data.csv(lines(1), 1, name="b.csv")
    seen.append(data.resolve(length=2).fingerprint)
    data.schema.write_text(SCHEMA + "# changed\n")
    seen.append(data.resolve(length=2).fingerprint)
    assert len(set(seen)) == 4


@pytest.mark.parametrize("name", ["sales [2]", "what?", "star*", "[!x]"])
def test_the_rows_are_those_of_the_folder_that_is_named_not_of_one_beside_it(
    data: Spans, name: str
) -> None:
    for other in ("sales 2", "what!", "starfish", "y"):
        data.base = data.base.with_name(other)
        data.csv(lines(30, start=1000))
    data.base = data.base.with_name(name)
    path = data.csv(lines(30))
    assert [file.path for file in data.resolve().files] == [str(path)]
    assert data.convert().rows_read == 30
    assert min(data.examples("train")) < b"row-1000"


def test_a_window_longer_than_all_that_exists_is_told_in_ranges_at_once(data: Spans) -> None:
    for span in (*range(3, 9), 11, 12, *range(100, 130, 2)):
        data.csv(lines(4), span)
    with pytest.raises(DataError) as refused:
        data.resolve(length=1_000_000_000, last=100)
    exists = "3 to 8, 11, 12, 100, 102, 104, 106, 108, 110, 112, 114, ..."
    assert str(refused.value) == (
        "data.spans asks for spans -999999899 to 100, but spans -999999899 to 2, 9, 10, 13 to 99 "
        f"cannot be found in {data.base}/span-{{SPAN}}/* (spans that exist: {exists})\n"
        "  edit: data.spans, or run `taxiway data` to export what is missing"
    )


def linked(path: Path) -> Path:
    other = path.with_name("b.csv")
    other.symlink_to(path.name)
    return other


def hard_linked(path: Path) -> Path:
    other = path.with_name("b.csv")
    other.hardlink_to(path)
    return other


@pytest.mark.parametrize("make", [linked, hard_linked])
def test_a_file_that_is_in_a_span_twice_is_refused(
    data: Spans, make: Callable[[Path], Path]
) -> None:
    path = data.csv(lines(4))
    other = make(path)
    with pytest.raises(DataError) as refused:
        data.resolve()
    assert str(refused.value) == (
        f"{path} (span 1) and {other} (span 1) are the same file: its rows would be read twice\n"
        "  edit: data.pattern, or remove one of the two"
    )


def test_a_span_that_is_another_under_a_second_name_is_refused(data: Spans) -> None:
    path = data.csv(lines(4))
    (data.base / "span-2").symlink_to("span-1")
    with pytest.raises(DataError) as refused:
        data.resolve(length=2)
    assert refused.value.message == (
        f"{path} (span 1) and {data.base}/span-2/a.csv (span 2) are the same file: its rows would "
        "be read twice"
    )


def test_a_pattern_that_fits_two_spans_is_refused(data: Spans) -> None:
    path = data.csv(lines(4), name="1-2.csv")
    data.csv(lines(4), name="2.csv")
    wanted = SpanRange(2)
    with pytest.raises(DataError) as refused:
        spans.resolve(str(data.base), "span-1/*{SPAN}*", wanted, str(data.schema))
    assert refused.value.message == (
        f"{path} belongs to span 1 and to span 2: its rows would be read twice"
    )


def test_two_spans_of_equal_files_are_no_fault(data: Spans) -> None:
    for span in (1, 2):
        data.csv(lines(4), span)
    assert data.resolve(length=2).spans == (1, 2)


@pytest.mark.parametrize(
    "pattern",
    ["/span-{SPAN}/*", "span-{SPAN}//a", "../span-{SPAN}/*", "span-{SPAN}/.", "[{SPAN}]/*"],
)
def test_a_pattern_whose_parts_are_no_names_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError) as refused:
        spans.check_pattern(pattern)
    assert str(refused.value) == (
        f"data.pattern: got '{pattern}', expected names between slashes, below data.root, such as "
        "'span-{SPAN}/*.parquet'\n  edit: data.pattern"
    )


@pytest.mark.parametrize("pattern", ["{SPAN:0}/*", "{SPAN:999}/*", "{SPAN:x}/*"])
def test_a_width_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match=r"expected one \{SPAN\}"):
        spans.check_pattern(pattern)


def test_a_number_too_large_for_a_span_is_told(data: Spans) -> None:
    data.csv(lines(4), span=10**19)
    with pytest.raises(DataError) as refused:
        data.resolve()
    assert refused.value.message == (
        f"span 10000000000000000000 of {data.base}/span-{{SPAN}}/* is larger than "
        "9223372036854775807"
    )


def test_folders_above_the_spans_may_be_patterns_too(data: Spans) -> None:
    for place in ("eu/span-1/a.csv", "us/span-1/a.csv", "us/span-2/a.csv", "us/span-2x/a.csv"):
        path = data.base / place
        path.parent.mkdir(parents=True)
        path.write_text("x")
    found = spans.resolve(str(data.base), "*/span-{SPAN}/*.csv", SpanRange(2), str(data.schema))
    names = [file.path.removeprefix(f"{data.base}/") for file in found.files]
    assert names == ["eu/span-1/a.csv", "us/span-1/a.csv", "us/span-2/a.csv"]


def test_the_fingerprint_sees_a_rewrite_of_equal_size_and_time(data: Spans) -> None:
    path = data.csv(lines(4))
    seen = set()
    for label in "01" * 5:
        seen.add(data.resolve().fingerprint)
        times = path.stat()
        path.write_text(path.read_text().replace("row-1,1", "row-1,0").replace(",0,", f",{label},"))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert len(seen) == 10


def test_remote_files_are_found_and_marked_by_tensorflow(data: Spans) -> None:
    import tensorflow as tf

    base = f"ram://{data.base}/sales [2]"
    for name in ("span-1/a.csv", "span-2/a.csv", "span-2/b.csv", "span-2/.hidden"):
        tf.io.gfile.makedirs(f"{base}/{name.rpartition('/')[0]}")
        with tf.io.gfile.GFile(f"{base}/{name}", "w") as file:
            file.write("x")
    found = spans.resolve(base, "span-{SPAN}/*", SpanRange(2), str(data.schema))
    names = [file.path.removeprefix(f"{base}/") for file in found.files]
    assert names == ["span-1/a.csv", "span-2/a.csv", "span-2/b.csv"]
    with tf.io.gfile.GFile(f"{base}/span-1/a.csv", "w") as file:
        file.write("xx")
    again = spans.resolve(base, "span-{SPAN}/*", SpanRange(2), str(data.schema))
    assert again.fingerprint != found.fingerprint
