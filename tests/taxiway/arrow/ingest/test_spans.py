"""Which spans, and which of their files, a run reads."""

from __future__ import annotations

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
    with pytest.raises(DataError, match=r"span 2 is empty: no file matches .*span-2/\*\.parquet"):
        data.resolve(kind="*.parquet")


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
