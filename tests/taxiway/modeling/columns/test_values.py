"""What columns become, against NumPy, Python's calendar and scikit-learn."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.modeling.spec import Crossed, Multivalent, Numeric, Quantiles, Text, Timestamp
from tests.taxiway.modeling.columns.features import SPEC
from tests.taxiway.modeling.columns.rows import Row

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("columns")]


def column(kind: type, name: str) -> Any:
    return next(one for one in SPEC.columns if type(one) is kind and one.name == name)


def raw(rows: list[Row], name: str) -> Any:
    """The numbers of a column, float32 in float64, NaN where missing."""
    values = np.array([row.get(name, math.nan) for row in rows], np.float32)
    return values.astype(np.float64)


@pytest.fixture(scope="module")
def found(transformed: Any, learned_from: list[Row]) -> dict[str, Any]:
    """The transformed columns of the rows that were learned from."""
    columns: dict[str, Any] = transformed(learned_from)
    return columns


def quantile(values: Any, fractions: Any) -> Any:
    known = values[np.isfinite(values)]
    return np.quantile(known, fractions, method="inverted_cdf")


def standard(values: Any) -> Any:
    return (values - np.nanmean(values)) / np.nanstd(values)


def logarithm(values: Any) -> Any:
    return np.sign(values) * np.log1p(np.abs(values))


def log_scaled(values: Any) -> Any:
    curved = logarithm(values)
    middle = logarithm(quantile(values, 0.5))
    return (np.where(np.isnan(curved), middle, curved) - np.nanmean(curved)) / np.nanstd(curved)


def robust(values: Any) -> Any:
    low, middle, high = quantile(values, (0.25, 0.5, 0.75))
    return (np.where(np.isnan(values), np.nanmean(values), values) - middle) / (high - low)


def robust_median(values: Any) -> Any:
    low, middle, high = quantile(values, (0.25, 0.5, 0.75))
    return (np.where(np.isnan(values), middle, values) - middle) / (high - low)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("real", lambda values: np.nan_to_num(standard(values))),
        ("amount", log_scaled),
        ("skewed", robust),
        ("share", lambda values: np.where(np.isnan(values), 0.25, values)),
        ("whole", robust_median),
    ],
)
def test_numbers_are_scaled_clipped_and_filled_in(
    found: dict[str, Any], learned_from: list[Row], name: str, expected: Callable[[Any], Any]
) -> None:
    numeric = column(Numeric, name)
    scaled = np.clip(expected(raw(learned_from, name)), -numeric.clip, numeric.clip)
    np.testing.assert_allclose(found[numeric.transformed_name], scaled, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["amount", "whole"])
def test_quantiles_are_numpys_to_the_last_bit(
    found: dict[str, Any], learned_from: list[Row], name: str
) -> None:
    cut = column(Quantiles, name)
    values = raw(learned_from, name)
    boundaries = quantile(values, cut.fractions)
    bucket = np.where(
        np.isnan(values), cut.buckets, np.searchsorted(boundaries, values, side="right")
    )
    assert found[cut.transformed_name].argmax(axis=1).tolist() == bucket.tolist()
    assert (found[cut.transformed_name].sum(axis=1) == 1).all()


def moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=timezone.utc)


def turned(place: float, whole: float) -> list[float]:
    return [math.sin(2 * math.pi * place / whole), math.cos(2 * math.pi * place / whole)]


def test_times_are_taken_apart_as_pythons_calendar_has_them(
    found: dict[str, Any], learned_from: list[Row]
) -> None:
    expected = []
    for row in learned_from:
        when = moment(row.get("when"))
        if when is None:
            expected.append([0.0] * 8 + [1.0])
            continue
        seconds = when.hour * 3600 + when.minute * 60 + when.second
        parts = [turned(seconds, 86_400), turned(when.weekday(), 7)]
        parts += [turned(when.day - 1, 31), turned(when.month - 1, 12)]
        expected.append([*itertools.chain(*parts), 0.0])
    name = column(Timestamp, "when").transformed_name
    np.testing.assert_allclose(found[name], expected, atol=1e-6)


def test_seconds_since_1970_are_the_same_times(
    found: dict[str, Any], learned_from: list[Row]
) -> None:
    role = column(Timestamp, "seconds")
    for row, value in zip(learned_from, found[role.transformed_name], strict=True):
        if "seconds" not in row:
            assert value.tolist() == [0.0] * 43 + [1.0]
            continue
        when = datetime.fromtimestamp(row["seconds"], timezone.utc)
        ones = [when.hour, 24 + when.weekday(), 31 + when.month - 1]
        assert np.flatnonzero(value).tolist() == ones


@pytest.mark.parametrize("name", ["when", "seconds"])
def test_an_age_is_the_days_between_scaled(
    found: dict[str, Any], learned_from: list[Row], name: str
) -> None:
    days = []
    for row in learned_from:
        begin = datetime(2020, 2, 29, 10, tzinfo=timezone.utc)
        if name == "when":
            begin, end = moment(row.get("when")), moment(row.get("then"))
        else:
            end = moment(
                datetime.fromtimestamp(row["seconds"], timezone.utc).isoformat()
                if "seconds" in row
                else None
            )
        passed = math.nan if begin is None or end is None else (end - begin) / timedelta(days=1)
        days.append(passed)
    scaled = np.nan_to_num(standard(np.array(days)))
    np.testing.assert_allclose(found[column(Timestamp, name).age_name], scaled, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "hour", "weekday"),
    [
        ("2024-02-29T23:30:00-05:00", 23.5, 3),
        ("2024/02/29 23:30", 23.5, 3),
        ("2024-02-29", 0, 3),
        (" 2024-02-29T00:00:00.123456Z ", 0, 3),
        ("1969-12-31T18:00+0200", 18, 2),
        ("2024-02-30", None, None),
        ("2023-02-29 10:00", None, None),
        ("2024-13-01", None, None),
        ("2024-02-29T24:00", None, None),
        ("29.02.2024", None, None),
        ("2024-02-29 and more", None, None),
    ],
)
def test_text_is_a_time_where_it_is_iso_8601(
    transformed: Any, text: str, hour: float | None, weekday: int | None
) -> None:
    value = transformed([{"when": text}])[column(Timestamp, "when").transformed_name][0]
    if hour is None or weekday is None:
        assert value.tolist() == [0.0] * 8 + [1.0]
    else:
        expected = turned(hour, 24) + turned(weekday, 7)
        np.testing.assert_allclose(value[:4], expected, atol=1e-6)


def test_weights_of_words_are_those_of_scikit_learn(
    found: dict[str, Any], learned_from: list[Row], transformed: Any
) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    role = column(Text, "words")
    file = Path(transformed.output.vocabulary_file_by_name(role.transformed_name))
    vocabulary = [line.decode() for line in file.read_bytes().split(b"\n")[:-1]]
    assert 10 < len(vocabulary) <= role.max_vocabulary
    theirs = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+", vocabulary=vocabulary)
    expected = theirs.fit_transform([row.get("words", "") for row in learned_from]).toarray()
    ours = found[role.transformed_name]
    np.testing.assert_allclose(ours[:, : len(vocabulary)], expected, atol=1e-6)
    assert not ours[:, len(vocabulary) :].any()


def test_hashed_n_grams_weigh_one_together_and_depend_on_nothing_but_words(
    transformed: Any,
) -> None:
    texts = ["Two words, THREE words", "two  words three… words!", "one", ""]
    name = column(Text, "prose").transformed_name
    found = transformed([{"prose": text} for text in texts])[name]
    np.testing.assert_allclose(found[0], found[1], atol=1e-7)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [1, 1, 0, 0], atol=1e-6)


def test_a_row_of_many_has_each_of_its_values_once(transformed: Any) -> None:
    lists = [
        ["plain", "東京"],
        ["東京", "plain", "plain"],
        ["東京", ""],
        [],
        ["no such", "nor this"],
    ]
    tags = transformed([{"tags": one} for one in lists])[
        column(Multivalent, "tags").transformed_name
    ]
    assert tags[0].tolist() == tags[1].tolist()
    assert [int(row.sum()) for row in tags] == [2, 2, 1, 1, 1]
    assert [row[0] for row in tags] == [0, 0, 0, 1, 0]
    joined = transformed([{"joined": "|".join(one)} for one in lists])
    hot = joined[column(Multivalent, "joined").transformed_name]
    assert hot[0].tolist() == hot[1].tolist()
    assert [row[0] for row in hot] == [0, 0, 0, 1, 1]  # without buckets the unseen count as none


def test_embeddings_of_many_are_averaged(transformed: Any) -> None:
    name = column(Multivalent, "ids").transformed_name
    found = transformed([{"ids": [0, 1]}, {"ids": [1]}, {"ids": [0]}, {}])[name]
    np.testing.assert_allclose(found[0], (found[1] + found[2]) / 2)
    assert found[3].tolist() == [1.0] + [0.0] * (found.shape[1] - 1)


def test_a_cross_tells_pairs_and_lacks_what_one_of_them_lacks(transformed: Any) -> None:
    name = column(Crossed, "flag_x_word").transformed_name
    rows = [{"flag": flag, "word": word} for flag in (0, 1) for word in ("plain", "東京", "rare")]
    index = transformed(rows)[name]
    assert len(set(index.tolist())) > 2
    assert transformed(rows)[name].tolist() == index.tolist()
    assert transformed([{"flag": 1}, {"word": "plain"}, {}])[name].tolist() == [0, 0, 0]


def test_whole_numbers_are_told_apart_beyond_what_a_float32_can(
    transformed: Any, model: Any
) -> None:
    rows = [{"code": 2**53 - 1 - number} for number in range(8)]
    index = transformed(rows)["code_category_xf"]
    assert len(set(index.tolist())) == 8
    assert len(set(model.by_columns(rows).tolist())) == 8
    np.testing.assert_allclose(model.by_columns(rows), model.by_examples(rows), atol=1e-6)


def test_true_and_false_are_one_and_nought(model: Any) -> None:
    answers = model.by_columns([{"flag": value} for value in (True, 1, False, 0, None)])
    assert answers[0] == answers[1]
    assert answers[2] == answers[3]
    assert len(set(answers.tolist())) == 3
