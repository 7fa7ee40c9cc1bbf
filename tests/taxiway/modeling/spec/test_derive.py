"""Expressions that derive a label: what they may be, and what is said of one that cannot be."""

from __future__ import annotations

import subprocess
import sys

import pytest

from taxiway.errors import ConfigError
from taxiway.modeling.spec import Binary, FeatureSpec, MultiClass, Numeric, Regression
from taxiway.modeling.spec.derive import FUNCTIONS, OPERATIONS, derive_problem, parse

KINDS = {
    "tips": "FLOAT",
    "fare": "FLOAT",
    "Trip Miles (km)": "FLOAT",
    "seats": "INT",
    "payment": "BYTES",
    "big_tip": "INT",
    "class": "BYTES",
}

GOOD = {
    "tips > 0.2 * fare": ("condition", ("tips", "fare")),
    "`Trip Miles (km)` / seats": ("number", ("Trip Miles (km)", "seats")),
    "`class` == 'a`b'": ("condition", ("class",)),
    'payment in ("Cash", "Card") and not tips is missing': ("condition", ("payment", "tips")),
    "payment not in ['No Charge']": ("condition", ("payment",)),
    "0 < fare <= 100 or tips is not missing": ("condition", ("fare", "tips")),
    '"high" if fare > 50 else "low"': ("text", ("fare",)),
    "max(tips, fare, 3) - abs(-seats)": ("number", ("tips", "fare", "seats")),
    'payment == "it\'s"': ("condition", ("payment",)),
    " ( tips\n> 1 ) ": ("condition", ("tips",)),
}

BAD = {
    "tips > 0.2 * fair": "the schema has no column 'fair'; did you mean 'fare'?",
    "payment > 3": "`>` got a number, expected a text; a column's type is in the schema",
    "payment + tips": "`+` got a text, expected a number",
    "seats and tips > 1": "`and` got a number, expected a condition, such as fare > 10",
    "1 if seats else 0": "`if` got a number, expected a condition",
    "1 if seats > 1 else 'a'": "`if` got a text, expected a number",
    "tips = 3": "`==` asks whether two are equal",
    "tips > 1 & fare > 2": "`and` joins two conditions",
    "tips > 1 || fare > 2": "`or` joins two conditions",
    "tips <> 1": "`!=` asks whether two differ",
    "!(tips > 1)": "`not` turns a condition round",
    "tips is None": "`is` goes with `missing` only, as in `tips is missing`",
    "tips == missing": "`missing` stands behind `is` or `is not` only",
    "tips == None": "`is missing` asks for a missing value",
    "payment in 'Cash'": '`in` takes a list of values, as in ("Cash", "Card")',
    "Trip Miles (km) > 1": "invalid syntax",
    "`Trip Miles > 1": "a backquote stands before and behind a column's name",
    "mni(tips, fare)": "there is no function 'mni' (known: abs, sqrt, log, min, max); did you mean",
    "max(tips)": "max takes two values or more, got max(tips)",
    "abs(*tips)": "abs takes one value",
    "log(tips, base=2)": "log takes one value",
    "1e999 > tips": "expected a finite number",
    "tips > ": "invalid syntax",
    "": "expected one expression of at most 2,000 characters",
    "tips" + " + 1" * 600: "expected one expression of at most 2,000 characters",
    "-" * 1500 + "tips": "deep",
    "(" * 900 + "tips" + ")" * 900: "nested",
    # No way into Python.
    "__import__('os').system('x')": "there is no function",
    "(lambda: tips)()": "there is no function",
    "tips.__class__": "got tips.__class__, expected columns",
    "`class`.real": "got `class`.real, expected columns",
    "[x for x in tips]": "expected columns",
    "f'{tips}'": "expected columns",
    "(tips := 3)": "expected columns",
    "tips ** 9**9**9": "expected columns",
    "payment[0]": "expected columns",
    "tips; fare": "invalid syntax",
    "b'a' == payment": "expected a finite number, a text, True or False",
    "...": "expected a finite number",
}


@pytest.mark.parametrize("text", GOOD)
def test_what_is_understood_has_a_kind_and_its_columns(text: str) -> None:
    kind, columns = GOOD[text]
    read = parse(text)
    assert (read.kind(KINDS), read.columns) == (kind, columns)


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:30])
def test_what_cannot_be_is_refused_with_its_reason(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text).kind(KINDS)
    assert caught.value.message.startswith("derive ")
    assert BAD[text] in caught.value.message
    assert len(caught.value.message) < 600


def test_every_function_is_an_operation() -> None:
    assert set(FUNCTIONS) < set(OPERATIONS)


class TestOfATask:
    @pytest.mark.parametrize("task", [Binary, MultiClass, Regression])
    def test_every_task_checks_its_expression_when_it_is_written(self, task: type) -> None:
        with pytest.raises(ConfigError, match="`==` asks whether"):
            FeatureSpec(task=task("y", derive="a = 1"), columns=(Numeric("a"),))
        FeatureSpec(task=task("y", derive="a + 1"), columns=(Numeric("a"),))

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("y > 1", "the label 'y' is made by it, and cannot be read by it too"),
            ("1 > 2", "it reads no column"),
        ],
    )
    def test_a_label_of_itself_or_of_nothing_is_refused(self, text: str, reason: str) -> None:
        with pytest.raises(ConfigError, match=reason):
            FeatureSpec(task=Binary("y", derive=text), columns=(Numeric("a"),))

    @pytest.mark.parametrize(
        ("text", "label", "problem"),
        [
            ("tips > 1", "big_tip", ""),
            ("tips + 1", "fare", ""),
            ("payment", "class", ""),
            ("tips > 1", "class", "gives a condition, but the schema says BYTES for the label "),
            ("payment", "big_tip", "gives a text, but the schema says INT for the label 'big_tip'"),
            ("tip > 1", "big_tip", "the schema has no column 'tip'; did you mean 'tips'?"),
        ],
    )
    def test_the_label_is_of_a_type_that_it_can_have(
        self, text: str, label: str, problem: str
    ) -> None:
        told = derive_problem(label, text, KINDS)
        assert problem in told
        assert bool(told) == bool(problem)


def test_reading_an_expression_needs_no_arrow() -> None:
    code = (
        "import sys; from taxiway.modeling.spec.derive import parse; parse('a > 1'); "
        "print([name for name in ('pyarrow', 'numpy', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
