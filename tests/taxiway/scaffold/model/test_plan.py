"""What becomes of every column: label, key, roles, and what is left out with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from taxiway.errors import ConfigError, DataError
from taxiway.scaffold.model.columns.look import look
from taxiway.scaffold.model.plan.plan import Plan, Wishes, make_plan

ROWS = 300
RANDOM = np.random.default_rng(0)
NOISE = RANDOM.normal(0, 1, ROWS)
NUMBERS = [f"{one:.3f}" for one in NOISE]
LABEL = ["yes" if one > 0.3 else "no" for one in NOISE + RANDOM.normal(0, 1, ROWS)]


def plan_of(table: dict[str, Sequence[Any]], **wishes: Any) -> Plan:
    arrays = {
        name: pa.array(values, pa.string()) if isinstance(values[0], str) else pa.array(values)
        for name, values in table.items()
    }
    profiles, plain = [], {}
    for name, values in arrays.items():
        profile, convert = look(name, values)
        profiles.append(profile)
        text = convert(values) if convert else values
        plain[name] = text.cast(pa.float64()) if profile.is_number else text
    return make_plan(profiles, plain, Wishes(**wishes))


def roles(plan: Plan) -> dict[str, str]:
    return {one.column.name: one.call.head for one in plan.roles}


def left_out(plan: Plan) -> dict[str, str]:
    return {one.column.name: one.reason for one in plan.left_out}


class TestLabel:
    def test_a_name_that_is_one_of_a_label_wins(self) -> None:
        plan = plan_of({"Churned?": LABEL, "x": NUMBERS, "y2": LABEL})
        assert (plan.label.column.name, plan.label.task) == ("Churned?", "binary")
        assert plan.label.positive == "yes"

    def test_else_it_is_the_last_column(self) -> None:
        plan = plan_of({"a": NUMBERS, "b": [f"{2 * n * n:.4f}" for n in NOISE]})
        assert (plan.label.column.name, plan.label.task) == ("b", "regression")
        assert plan.label.reason == "the last column"

    def test_several_words_are_classes(self) -> None:
        colours = [("red", "green", "blue")[row % 3] for row in range(ROWS)]
        plan = plan_of({"x": NUMBERS, "colour": colours})
        assert plan.label.task == "multiclass"
        assert set(plan.label.values) == {"red", "green", "blue"}

    def test_a_few_whole_numbers_are_classes_unless_told_otherwise(self) -> None:
        table = {"x": NUMBERS, "stars": [str(row % 5) for row in range(ROWS)]}
        assert plan_of(table).label.task == "multiclass"
        assert plan_of(table, task="regression").label.task == "regression"

    def test_of_two_words_the_rarer_is_yes(self) -> None:
        words = ["odd" if row % 10 == 3 else "even" for row in range(ROWS)]
        assert plan_of({"x": NUMBERS, "kind": words}, label="kind").label.positive == "odd"

    def test_one_and_nought_need_no_word_for_yes(self) -> None:
        plan = plan_of({"x": NUMBERS, "bought": [str(row % 2) for row in range(ROWS)]})
        assert (plan.label.task, plan.label.positive) == ("binary", None)

    def test_rows_without_it_are_told(self) -> None:
        values = [None if row % 30 == 0 else value for row, value in enumerate(LABEL)]
        plan = plan_of({"x": NUMBERS, "class": ["no", *values[1:]]})
        assert "9 rows have no 'class'" in plan.notes[0]

    def test_a_name_that_is_not_there_is_told_with_those_that_are(self) -> None:
        with pytest.raises(ConfigError, match=r"did you mean 'price'.*columns: x, price"):
            plan_of({"x": NUMBERS, "price": NUMBERS}, label="prise")

    @pytest.mark.parametrize(
        ("label", "task", "told"),
        [
            (["a"] * ROWS, None, "is 'a' in all rows"),
            ([f"n{row}" for row in range(ROWS)], None, "too many to be classes"),
            (LABEL, "regression", "holds words"),
        ],
    )
    def test_what_can_be_no_label_is_refused(
        self, label: list[str], task: str | None, told: str
    ) -> None:
        with pytest.raises(DataError, match=told):
            plan_of({"x": NUMBERS, "it": label}, label="it", task=task)

    def test_a_class_of_too_few_rows_is_refused_with_what_helps(self) -> None:
        kinds = ["odd" if row in (3, 70) else "even" for row in range(ROWS)]
        with pytest.raises(DataError, match=r"'odd' in 2\).*(.|\n)*or none"):
            plan_of({"x": NUMBERS, "kind": kinds}, label="kind")

    def test_whole_numbers_of_which_some_are_rare_are_an_amount(self) -> None:
        stars = [str(row % 5 if row else 9) for row in range(ROWS)]
        assert plan_of({"x": NUMBERS, "stars": stars}).label.task == "regression"

    def test_three_values_are_not_binary(self) -> None:
        colours = [("red", "green", "blue")[row % 3] for row in range(ROWS)]
        with pytest.raises(ConfigError, match="has 3 values, expected two"):
            plan_of({"x": NUMBERS, "colour": colours}, task="binary")


class TestKey:
    def test_an_id_that_is_unique_is_the_key(self) -> None:
        ids = [f"C-{row:04}" for row in range(ROWS)]
        plan = plan_of({"customer id": ids, "x": NUMBERS, "class": LABEL})
        assert plan.key is not None
        assert plan.key.name == "customer id"

    def test_a_few_repeats_are_told(self) -> None:
        ids = [f"C-{row % 295:04}" for row in range(ROWS)]
        plan = plan_of({"customer id": ids, "x": NUMBERS, "class": LABEL})
        assert plan.key is not None
        assert any("5 rows have a 'customer id'" in note for note in plan.notes)

    def test_without_one_it_is_made_of_the_row(self) -> None:
        plan = plan_of({"x": NUMBERS, "class": LABEL})
        assert plan.key is None

    def test_a_whole_number_of_parquet_is_no_key(self) -> None:
        plan = plan_of({"id": [row * 7 for row in range(ROWS)], "x": NUMBERS, "class": LABEL})
        assert plan.key is None
        assert "names rows" in left_out(plan)["id"]

    def test_one_that_is_missing_somewhere_is_refused(self) -> None:
        ids = ["a", None, *(f"c{row}" for row in range(2, ROWS))]
        with pytest.raises(DataError, match="is missing in 1 rows"):
            plan_of({"id": ids, "x": NUMBERS, "class": LABEL}, key="id")


class TestRoles:
    def role(self, values: Sequence[Any], name: str = "column") -> str:
        plan = plan_of({name: values, "x": NUMBERS, "class": LABEL})
        return roles(plan).get(name) or left_out(plan)[name]

    def test_amounts_are_numbers(self) -> None:
        assert self.role([str(row % 90) for row in range(ROWS)], "age") == "Numeric"
        assert self.role(NUMBERS) == "Numeric"

    def test_words_that_repeat_are_categories(self) -> None:
        assert self.role([f"town {row % 40}" for row in range(ROWS)]) == "Categorical"

    def test_numbers_that_are_names_are_categories(self) -> None:
        assert self.role([str(100 + row % 9) for row in range(ROWS)], "store_id") == "Categorical"
        assert self.role([f"0{row % 9}123" for row in range(ROWS)], "zip") == "Categorical"

    @pytest.mark.parametrize(
        ("values", "name", "told"),
        [
            (["same"] * ROWS, "column", "'same' in every row"),
            ([None] * ROWS, "column", "no row has a value"),
            ([f"w{row}" for row in range(ROWS)], "column", "another value in each row"),
            ([str(row) for row in range(ROWS)], "column", "another value in each row"),
            ([f"w{row * 2 // 3}" for row in range(ROWS)], "column", "hardly repeat"),
            ([str(row // 2) for row in range(ROWS)], "order_id", "names rows"),
        ],
    )
    def test_what_tells_nothing_is_left_out(
        self, values: Sequence[Any], name: str, told: str
    ) -> None:
        assert told in self.role(values, name)


class TestLeaks:
    def test_the_label_in_other_words(self) -> None:
        state = ["left" if one == "yes" else "stayed" for one in LABEL]
        plan = plan_of({"state": state, "x": NUMBERS, "churn": LABEL})
        assert left_out(plan) == {"state": "the label in other words"}

    def test_a_price_in_another_currency(self) -> None:
        dollars = [f"{1.1 * one:.4f}" for one in NOISE]
        euros = [f"{one:.4f}" for one in NOISE]
        plan = plan_of({"x": LABEL, "dollars": dollars, "euros": euros}, label="euros")
        assert "in other units" in left_out(plan)["dollars"]

    def test_a_number_that_tells_every_row(self) -> None:
        label = ["yes" if one > 0.5 else "no" for one in NOISE]
        plan = plan_of({"delay": NUMBERS, "x": LABEL, "late": label}, label="late")
        assert "is it known before?" in left_out(plan)["delay"]

    def test_a_good_feature_is_none(self) -> None:
        assert roles(plan_of({"x": NUMBERS, "class": LABEL})) == {"x": "Numeric"}


def test_where_nothing_is_left_to_learn_from_each_reason_is_told() -> None:
    with pytest.raises(DataError, match=r"no column is left(.|\n)*'a' in every row"):
        plan_of({"x": ["a"] * ROWS, "class": LABEL})


def test_a_handful_of_rows_is_refused() -> None:
    with pytest.raises(DataError, match="has 10 rows, expected 20 at least"):
        plan_of({"x": NUMBERS[:10], "class": LABEL[:10]})
