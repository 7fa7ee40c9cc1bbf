"""Every field of a FeatureSpec: what it may be, and what it is told where it is something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.errors import ConfigError
from taxiway.modeling.spec import (
    Binary,
    Bucketized,
    Categorical,
    Crossed,
    FeatureSpec,
    MultiClass,
    Multivalent,
    Numeric,
    Quantiles,
    Text,
    Timestamp,
)
from taxiway.modeling.spec.schema import check_spec, read_schema

Make = Callable[[], Any]
A = Numeric("a")
Y = Binary("y")
WHOLE = "expected a whole number"
FROM_ONE = f"{WHOLE} from 1 to 2147483647"
ABOVE = "expected a number above 0"
COLUMN = "expected the name of a column"
PLAIN = "expected a name without control characters, in UTF-8"
FLAG = "expected True or False"
FINITE = "expected a tuple of finite numbers, as in (1.0, 2.5)"
RISE = "boundaries must rise from one to the next, as float32 has them, got"
TUPLE = 'expected a tuple of columns, as in (Numeric("age"),)'
NAMES = 'expected a tuple of names, as in ("colour",)'
REFUSED: dict[str, tuple[Make, str]] = {
    "no name": (lambda: Numeric(""), f"Numeric: name is '', {COLUMN}"),
    "blanks": (lambda: Categorical("  "), f"Categorical: name is '  ', {COLUMN}"),
    "a number as a name": (lambda: Numeric(3), f"Numeric: name is 3, {COLUMN}"),  # type: ignore[arg-type]  # on purpose
    "a line break": (lambda: Numeric("a\nb"), f"Numeric: name is 'a\\nb', {PLAIN}"),
    "half a character": (lambda: Numeric("\ud800"), f"Numeric: name is '\\ud800', {PLAIN}"),
    "a negative clip": (lambda: Numeric("a", clip=-1), f"Numeric 'a': clip is -1, {ABOVE}"),
    "no clip": (lambda: Numeric("a", clip=0), f"Numeric 'a': clip is 0, {ABOVE}"),
    "NaN": (lambda: Numeric("a", clip=float("nan")), f"Numeric 'a': clip is nan, {ABOVE}"),
    "infinity": (lambda: Numeric("a", clip=float("inf")), f"Numeric 'a': clip is inf, {ABOVE}"),
    "too large": (lambda: Numeric("a", clip=1e39), f"Numeric 'a': clip is 1e+39, {ABOVE}"),
    "too small": (lambda: Numeric("a", clip=1e-50), f"Numeric 'a': clip is 1e-50, {ABOVE}"),
    "text as clip": (lambda: Numeric("a", clip="5"), f"Numeric 'a': clip is '5', {ABOVE}"),  # type: ignore[arg-type]  # on purpose
    "a flag as clip": (lambda: Numeric("a", clip=True), f"Numeric 'a': clip is True, {ABOVE}"),
    "a word as a flag": (
        lambda: Numeric("a", indicator="yes"),  # type: ignore[arg-type]  # on purpose
        f"Numeric 'a': indicator is 'yes', {FLAG}",
    ),
    "no vocabulary": (
        lambda: Categorical("a", max_vocabulary=0),
        f"Categorical 'a': max_vocabulary is 0, {FROM_ONE}",
    ),
    "a huge vocabulary": (
        lambda: Categorical("a", max_vocabulary=2**31),
        f"Categorical 'a': max_vocabulary is 2147483648, {FROM_ONE}",
    ),
    "half a word": (
        lambda: Categorical("a", max_vocabulary=2.5),  # type: ignore[arg-type]  # on purpose
        f"Categorical 'a': max_vocabulary is 2.5, {WHOLE}",
    ),
    "negative buckets": (
        lambda: Categorical("a", oov_buckets=-1),
        f"Categorical 'a': oov_buckets is -1, {WHOLE} from 0 to 2147483647",
    ),
    "a flag as buckets": (
        lambda: Categorical("a", oov_buckets=True),
        f"Categorical 'a': oov_buckets is True, {WHOLE}",
    ),
    "a misspelt encoding": (
        lambda: Categorical("a", encoding="embeding"),  # type: ignore[arg-type]  # on purpose
        "Categorical 'a': encoding is 'embeding', expected 'one_hot' or 'embedding'; "
        "did you mean 'embedding'?",
    ),
    "no encoding": (
        lambda: Categorical("a", encoding=None),  # type: ignore[arg-type]  # on purpose
        "Categorical 'a': encoding is None, expected 'one_hot' or 'embedding'",
    ),
    "a boundary alone": (
        lambda: Bucketized("a", 1.0),  # type: ignore[arg-type]  # on purpose
        f"Bucketized 'a': boundaries is 1.0, {FINITE}",
    ),
    "a boundary NaN": (
        lambda: Bucketized("a", (1.0, float("nan"))),
        f"Bucketized 'a': boundaries is (1.0, nan), {FINITE}",
    ),
    "a boundary without end": (
        lambda: Bucketized("a", (1.0, float("inf"))),
        f"Bucketized 'a': boundaries is (1.0, inf), {FINITE}",
    ),
    "text as a boundary": (
        lambda: Bucketized("a", ("1",)),  # type: ignore[arg-type]  # on purpose
        f"Bucketized 'a': boundaries is ('1',), {FINITE}",
    ),
    "no boundaries": (lambda: Bucketized("a", ()), f"Bucketized 'a': {RISE} ()"),
    "a boundary twice": (lambda: Bucketized("a", (1, 1)), f"Bucketized 'a': {RISE} (1, 1)"),
    "long boundaries": (
        lambda: Bucketized("a", tuple(float(0 - n) for n in range(1000))),
        f"Bucketized 'a': {RISE} "
        "(0.0, -1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -9.0, -10.0, -11.0, -12...",
    ),
    "no label": (lambda: FeatureSpec(Binary(""), "id", (A,)), f"Binary: label is '', {COLUMN}"),
    "a label that is no task": (
        lambda: FeatureSpec("y", "id", (A,)),  # type: ignore[arg-type]  # on purpose
        "FeatureSpec: task is 'y', expected a task, as in Binary(\"late\")",
    ),
    "a key without a name": (
        lambda: FeatureSpec(Y, "", (A,)),
        f"FeatureSpec: key is '', {COLUMN}",
    ),
    "label and key in one": (
        lambda: FeatureSpec(Y, "y", (A,)),
        "FeatureSpec: label and key are both 'y', expected two columns",
    ),
    "label as a feature": (
        lambda: FeatureSpec(Binary("a"), "id", (A,)),
        "FeatureSpec: ['a'] is label, weight or key and cannot be a feature too",
    ),
    "nothing to learn from": (
        lambda: FeatureSpec(Y, "id", slices=("b",)),
        "FeatureSpec names no column to learn from, expected one at least in columns, "
        'as in columns=(Numeric("age"),)',
    ),
    "a column twice": (
        lambda: FeatureSpec(Y, "id", (A, A)),
        "FeatureSpec names ['a'] more than once in the same role",
    ),
    "a column of two kinds": (
        lambda: FeatureSpec(Y, "id", (A, Text("a"))),
        "FeatureSpec: ['a'] cannot be both a number (Numeric) and text (Text)",
    ),
    "a column of one value and of many": (
        lambda: FeatureSpec(Y, "id", (Categorical("a"), Multivalent("a"))),
        "FeatureSpec: ['a'] cannot have both several values (Multivalent) and one (Categorical) in "
        "a row; a text that holds several has a separator",
    ),
    "no such scale": (
        lambda: Numeric("a", scale="logs"),  # type: ignore[arg-type]  # on purpose
        "Numeric 'a': scale is 'logs', expected 'standard' or 'log' or 'robust' or 'none'; did you "
        "mean 'log'?",
    ),
    "filled in with a word": (
        lambda: Numeric("a", impute="medain"),  # type: ignore[arg-type]  # on purpose
        "Numeric 'a': impute is 'medain', expected 'mean' or 'median' or a number; did you mean "
        "'median'?",
    ),
    "filled in with NaN": (
        lambda: Numeric("a", impute=float("nan")),
        "Numeric 'a': impute is nan, expected 'mean', 'median' or a finite number",
    ),
    "one quantile": (
        lambda: Quantiles("a", buckets=1),
        "Quantiles 'a': buckets is 1, expected a whole number from 2 to 256",
    ),
    "a cross of one": (
        lambda: Crossed(("a",)),
        "Crossed: names is ('a',), expected two columns or more, each once",
    ),
    "a part of a time that is none": (
        lambda: Timestamp("a", parts=("hours",)),  # type: ignore[arg-type]  # on purpose
        "Timestamp 'a': parts is 'hours', expected 'hour' or 'weekday' or 'day' or 'month'; did "
        "you mean 'hour'?",
    ),
    "a time of which nothing is taken": (
        lambda: Timestamp("a", parts=()),
        "Timestamp 'a': parts is (), expected a part at least, or age_at",
    ),
    "a date that no calendar has": (
        lambda: Timestamp("a", age_at="2023-02-29"),
        "Timestamp 'a': age_at is '2023-02-29', expected a date that there is (day is out of range "
        "for month)",
    ),
    "longer n-grams first": (
        lambda: Text("a", ngrams=(2, 1)),
        "Text 'a': ngrams is 1, expected a whole number from 2 to 2147483647",
    ),
    "a text without a place": (
        lambda: Text("a", buckets=0),
        "Text 'a': buckets is 0, expected a whole number from 1 to 2147483647",
    ),
    "a label like a column after Transform": (
        lambda: FeatureSpec(Binary("a_number_xf"), "id", (A,)),
        "FeatureSpec: ['a_number_xf'] names two columns after Transform; rename the label or a "
        "column",
    ),
    "a forgotten comma": (
        lambda: FeatureSpec(Y, "id", columns=(A)),  # type: ignore[arg-type]  # on purpose
        "FeatureSpec: columns is Numeric(name='a', clip=5.0, indicator=False, scale='standard', "
        "impute='mean'), " + TUPLE,
    ),
    "a name for a column": (
        lambda: FeatureSpec(Y, "id", columns=("a",)),  # type: ignore[arg-type]  # on purpose
        "FeatureSpec: columns has 'a', " + TUPLE,
    ),
    "slices that are one text": (
        lambda: FeatureSpec(Y, "id", (A,), slices=("b")),  # type: ignore[arg-type]  # on purpose
        "FeatureSpec: slices is 'b', " + NAMES,
    ),
    "a slice without a name": (
        lambda: FeatureSpec(Y, "id", (A,), slices=("",)),
        f"FeatureSpec: slices is '', {COLUMN}",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_with_field_and_value(case: str) -> None:
    make, told = REFUSED[case]
    with pytest.raises(ConfigError) as refused:
        make()
    assert refused.value.message == told


def test_what_can_be_is_taken() -> None:
    spec = FeatureSpec(
        Y,
        columns=[  # type: ignore[arg-type]  # on purpose, as the types below
            Numeric("a", clip=np.float32(2)),
            Numeric("b", clip=3),
            Categorical("c", max_vocabulary=np.int64(5), oov_buckets=0),  # type: ignore[arg-type]
            Bucketized("a", boundaries=[1, 2.5]),  # type: ignore[arg-type]
        ],
        slices=["é"],  # type: ignore[arg-type]  # on purpose
    )
    assert spec.inputs() == ("a", "b", "c")
    assert spec.slices == ("é",)
    assert spec.columns[-1] == Bucketized("a", boundaries=(1, 2.5))
    assert spec.key is None


SCHEMA = """
feature { name: "y" type: INT }
feature { name: "id" type: BYTES }
feature { name: "fare" type: FLOAT }
feature { name: "day" type: INT }
feature { name: "town" type: BYTES }
feature { name: "odd" type: STRUCT }
"""
CUT = "; a category that is a number can be written as text (type: BYTES), or cut by Bucketized"
MISFITS: dict[str, tuple[FeatureSpec, str]] = {
    "an unknown number": (
        FeatureSpec(Y, "id", (Numeric("faree"),)),
        "Numeric 'faree': the schema has no such feature; did you mean 'fare'?",
    ),
    "an unknown category": (
        FeatureSpec(Y, "id", (Categorical("twn"),)),
        "Categorical 'twn': the schema has no such feature; did you mean 'town'?",
    ),
    "an unknown column of buckets": (
        FeatureSpec(Y, "id", (Bucketized("zzz", (1.0,)),)),
        "Bucketized 'zzz': the schema has no such feature (it has 'y', 'id', 'fare', 'day', "
        "'town', 'odd')",
    ),
    "a label that is made of what is not there": (
        FeatureSpec(Binary("y", derive="fair > 1"), "id", (Numeric("fare"),)),
        "derive 'fair > 1': the schema has no column 'fair'; did you mean 'fare'?",
    ),
    "a label of another type than what is made": (
        FeatureSpec(Binary("y", derive="town"), "id", (Numeric("fare"),)),
        "derive 'town' gives a text, but the schema says INT for the label 'y', expected BYTES",
    ),
    "a category that is a number with a fraction": (
        FeatureSpec(Y, "id", (Categorical("fare"),)),
        f"Categorical 'fare': the schema says FLOAT, expected BYTES or INT{CUT}",
    ),
    "a cross of a number with a fraction": (
        FeatureSpec(Y, "id", (Crossed(("day", "fare")),)),
        "Crossed 'fare': the schema says FLOAT, expected BYTES or INT",
    ),
    "a number that is text": (
        FeatureSpec(Y, "id", (Numeric("town"),)),
        "Numeric 'town': the schema says BYTES, expected INT or FLOAT",
    ),
    "buckets of text": (
        FeatureSpec(Y, "id", (Bucketized("town", (1.0,)),)),
        "Bucketized 'town': the schema says BYTES, expected INT or FLOAT",
    ),
    "a slice that is not there": (
        FeatureSpec(Y, "id", (Numeric("fare"),), slices=("towm",)),
        "slices 'towm': the schema has no such feature; did you mean 'town'?",
    ),
    "a slice of no type": (
        FeatureSpec(Y, "id", (Numeric("fare"),), slices=("odd",)),
        "slices 'odd': the schema says STRUCT, expected INT or FLOAT or BYTES",
    ),
    "a label that is a float": (
        FeatureSpec(MultiClass("fare"), "id", (Numeric("day"),)),
        "label 'fare': the schema says FLOAT, expected INT or BYTES; a label of real numbers is "
        "one for Regression",
    ),
    "an unknown label": (
        FeatureSpec(Binary("yy"), "id", (Numeric("day"),)),
        "label 'yy': the schema has no such feature; did you mean 'y'?",
    ),
    "a key that is a number": (
        FeatureSpec(Y, "day", (Numeric("fare"),)),
        "key 'day': the schema says INT, expected BYTES",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_a_spec_that_does_not_fit_its_schema_is_refused(tmp_path: Path, case: str) -> None:
    spec, told = MISFITS[case]
    path = tmp_path / "schema.pbtxt"
    path.write_text(SCHEMA)
    with pytest.raises(ConfigError) as refused:
        check_spec(spec, read_schema(str(path)), "models/x/features.py", str(path))
    assert refused.value.message == f"models/x/features.py does not fit {path}:\n  - {told}"
    assert refused.value.edit == f"models/x/features.py or {path}"


def test_every_misfit_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "schema.pbtxt"
    path.write_text(SCHEMA)
    spec = FeatureSpec(Y, "id", (Numeric("town"), Numeric("fare")), slices=("nowhere",))
    with pytest.raises(ConfigError) as refused:
        check_spec(spec, read_schema(str(path)), "models/x/features.py", str(path))
    assert len(refused.value.message.splitlines()) == 3


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"feature {", " is no TFMD schema: "),
        (b"\xff\xfe", " is no TFMD schema: "),
        (None, " cann"),
    ],
)
def test_a_schema_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    path = tmp_path / "schema.pbtxt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        read_schema(str(path))
    assert refused.value.message.startswith(f"{path}{told}")
