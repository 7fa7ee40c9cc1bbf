"""MAJOR.MINOR.PIPELINE: which part rises, and what is told of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxiway.registry.database.session import Database
from taxiway.registry.versions.records import Candidate, ModelVersion, list_versions, register
from taxiway.registry.versions.semantic import SemanticVersioning
from tests.taxiway.registry.conftest import ANN
from tests.taxiway.registry.versions.pushes import (
    PUSHES,
    candidate,
    compared,
    fresh_model,
    registry,
    section,
)

PLAIN = SemanticVersioning(kind="semantic")
MARGIN = SemanticVersioning(kind="semantic", margin=0.002)
WIND: dict[str, Any] = {"inputs": {"wind": {"type": "number"}}, "definition": "late by 15 minutes"}


def after(
    newest: tuple[int, int, int], pushed: Candidate, style: SemanticVersioning = PLAIN
) -> Any:
    """What becomes of a push after a version of the number, whose contract is WIND."""
    version = ModelVersion(newest, candidate(contract=WIND), "", name="old")
    return style.number(pushed, version, version)


class TestMajor:
    def test_the_first_version_is_1_0_0(self) -> None:
        first = PLAIN.number(candidate(), None, None)
        assert (first.number, first.name) == ((1, 0, 0), "1.0.0")
        assert first.reasons == {
            "major": "begins at 1: the first version of this model",
            "minor": "begins at 0",
            "pipeline": "begins at 0",
        }

    def test_it_rises_with_what_callers_must_change_for_however_much_better_the_model_is(
        self,
    ) -> None:
        other = {"inputs": {"wind": {"type": "string"}}, "definition": "late by 30 minutes"}
        made = after((3, 4, 2), candidate(contract=other, baseline=compared(0.3)))
        assert made.number == (4, 0, 0)
        assert made.reasons == {
            "major": "rose from 3, for old and this are not alike: input `wind` was number, is "
            "string; the label's definition was `late by 15 minutes`, is `late by 30 minutes`",
            "minor": "begins at 0 again, as MAJOR rose",
            "pipeline": "begins at 0 again, as MAJOR rose",
        }

    def test_another_definition_of_the_label_alone_is_enough(self) -> None:
        other = WIND | {"definition": "late by 30 minutes"}
        assert after((1, 2, 3), candidate(contract=other)).number == (2, 0, 0)

    def test_the_same_content_under_another_definition_is_another_version(
        self, file_database: Database
    ) -> None:
        other = WIND | {"definition": "late by 30 minutes"}
        pushes = [candidate(contract=WIND), candidate(contract=other), candidate(contract=WIND)]
        names = [register(file_database, one, ANN).name for one in pushes]
        assert names == ["1.0.0", "2.0.0", "1.0.0"]

    @pytest.mark.parametrize(("digest", "number"), [("c1", (1, 2, 4)), ("c2", (2, 0, 0))])
    def test_after_a_version_of_an_older_release_the_digest_of_its_contract_decides(
        self, digest: str, number: tuple[int, int, int]
    ) -> None:
        older = ModelVersion((1, 2, 3), candidate(contract={}), "", name="1.2.3")
        pushed = candidate(contract=WIND, contract_digest=digest)
        assert PLAIN.number(pushed, older, older).number == number

    def test_a_domain_that_grew_holds_for_the_next_version_too(
        self, file_database: Database
    ) -> None:
        def push(content: str, most: int) -> str:
            domain = {"inputs": {"hour": {"type": "number", "domain": {"max": most}}}}
            return register(file_database, candidate(content=content, contract=domain), ANN).name

        assert [push("m1", 12), push("m1", 23), push("m2", 12)] == ["1.0.0", "1.0.0", "2.0.0"]


class TestMinor:
    def test_it_rises_with_a_model_that_is_better_than_its_baseline(self) -> None:
        made = after((1, 2, 3), candidate(contract=WIND, baseline=compared(0.0035)), MARGIN)
        assert made.number == (1, 3, 0)
        assert made.reasons == {
            "major": "stayed 1: what goes in and comes out is as old has it",
            "minor": "rose from 2: auc is 0.5035, 0.0035 better than 0.5 of 1.0.0",
            "pipeline": "begins at 0 again, as MINOR rose",
        }

    def test_a_model_that_lost_0_0035_of_auc_is_a_pipeline_version(self) -> None:
        made = after((1, 2, 1), candidate(contract=WIND, baseline=compared(-0.0035)))
        assert made.number == (1, 2, 2)
        assert made.reasons["minor"] == "stayed 2: auc is 0.4965, 0.0035 worse than 0.5 of 1.0.0"

    @pytest.mark.parametrize(("change", "rises"), [(-0.1, True), (0.1, False)])
    def test_of_a_loss_less_is_better(self, change: float, rises: bool) -> None:
        found = compared(change, metric="binary_crossentropy", better="lower")
        assert PLAIN.judge(found)[0] is rises

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (0.002, "auc is 0.502, 0.002 better than 0.5 of 1.0.0, margin 0.002"),
            (0.0, "auc is 0.5, the same as that of 1.0.0"),
            (0.0001, "auc is 0.5001, 0.0001 better than 0.5 of 1.0.0, margin 0.002"),
        ],
    )
    def test_a_gain_within_the_margin_is_none(self, change: float, told: str) -> None:
        assert MARGIN.judge(compared(change)) == (False, told)

    @pytest.mark.parametrize(
        ("confidence", "interval", "rises"),
        [
            ("where_known", (0.001, 0.02), True),
            ("where_known", (-0.001, 0.02), False),
            ("where_known", None, True),
            ("required", (0.001, 0.02), True),
            ("required", None, False),
            ("none", (-0.001, 0.02), True),
        ],
    )
    def test_an_interval_that_reaches_0_may_be_chance(
        self, confidence: Any, interval: tuple[float, float] | None, rises: bool
    ) -> None:
        style = SemanticVersioning(kind="semantic", confidence=confidence)
        assert style.judge(compared(0.01, interval=interval))[0] is rises
        lower = interval and (-interval[1], -interval[0])
        loss = compared(-0.01, interval=lower, metric="loss", better="lower")
        assert style.judge(loss)[0] is rises

    def test_what_the_interval_is_is_told(self) -> None:
        (_, told) = PLAIN.judge(compared(0.01, interval=(-0.001, 0.02)))
        assert told.endswith("; the change is within -0.001 and +0.02 (95%)")

    @pytest.mark.parametrize(
        ("found", "told"),
        [
            ({}, "there was no baseline to compare it with"),
            (
                {"unusable": "it is gone"},
                "the baseline could not be used (it is gone) to compare it with",
            ),
            (compared(0.1) | {"change": {}}, "the change in auc from 1.0.0 has no value"),
            (
                compared(0.1) | {"better": {}, "main_metric": ""},
                "no metric was measured that has a better and a worse end",
            ),
        ],
    )
    def test_where_nothing_can_be_compared_nothing_is_better(
        self, found: dict[str, Any], told: str
    ) -> None:
        assert PLAIN.judge(found) == (False, told)

    def test_the_config_says_by_which_metric(self) -> None:
        found = compared(0.1)
        found["change"]["recall"], found["metrics"]["recall"] = -0.1, 0.5
        found["better"]["recall"] = "higher"
        assert PLAIN.judge(found)[0]
        assert not SemanticVersioning(kind="semantic", metric="recall").judge(found)[0]


@dataclass(frozen=True)
class Push:
    """One push of a history; the contract is few small choices, so that much of it comes twice."""

    content: int
    inputs: int
    most: int
    definition: int
    change: int | None

    def candidate(self, model: str) -> Candidate:
        names = ["wind", "hour"][: self.inputs]
        domain = {"type": "number", "domain": {"max": self.most}}
        return candidate(
            model,
            f"m{self.content}",
            contract={
                "inputs": dict.fromkeys(names, domain),
                "definition": str(self.definition),
            },
            baseline={} if self.change is None else compared(self.change),
        )

    def fits(self, other: Push) -> bool:
        """Whether callers of this can call the other; the tests' own word on it."""
        same = (self.inputs, self.definition) == (other.inputs, other.definition)
        return same and other.most >= self.most


pushes = st.builds(
    Push,
    content=st.integers(0, 30),
    inputs=st.integers(1, 2),
    most=st.integers(1, 2),
    definition=st.sampled_from([0, 0, 0, 0, 1]),
    change=st.sampled_from([None, -1, 0, 1, 1]),
)


class TestHistories:
    @pytest.fixture(scope="class")
    def opened(self, tmp_path_factory: pytest.TempPathFactory) -> Database:
        return registry(section(tmp_path_factory.mktemp("semantic"), {"kind": "semantic"}))

    @settings(max_examples=8, deadline=None)
    @given(history=st.lists(pushes, min_size=PUSHES, max_size=PUSHES))
    def test_numbers_mean_what_they_say(self, opened: Database, history: list[Push]) -> None:
        model = fresh_model()
        known: dict[str, Push] = {}
        numbers: list[tuple[int, int, int]] = []
        for push in history:
            version = register(opened, push.candidate(model), ANN)
            same = [n for n, p in known.items() if p.content == push.content and p.fits(push)]
            if same:
                assert version.name == same[-1]
                known[version.name] = push
                continue
            assert version.name not in known
            if numbers:
                self.check(numbers[-1], version, known[".".join(map(str, numbers[-1]))], push)
            else:
                assert version.number == (1, 0, 0)
            assert set(version.reasons) == {"major", "minor", "pipeline"}
            numbers.append(version.number)
            known[version.name] = push
        assert numbers == sorted(set(numbers))
        assert [one.number for one in list_versions(opened, model)] == numbers

    @staticmethod
    def check(
        newest: tuple[int, int, int], version: ModelVersion, before: Push, push: Push
    ) -> None:
        rose = [new > old for old, new in zip(newest, version.number, strict=True)]
        is_better = push.change is not None and push.change > 0
        assert rose[0] is not before.fits(push)
        assert rose[1] is (before.fits(push) and is_better)
        place = rose.index(True)
        assert version.number[place] == newest[place] + 1
        assert version.number[:place] == newest[:place]
        assert set(version.number[place + 1 :]) <= {0}


def test_a_version_remembers_what_it_was_compared_with(database: Database) -> None:
    pushed = candidate(baseline=compared(0.1), facts={"data": {"spans": [1]}}, checks={"x": True})
    version = register(database, pushed, ANN)
    assert list_versions(database, "parcels") == [version]
    assert version.candidate == pushed
    assert version.reasons["major"] == "begins at 1: the first version of this model"
    assert register(database, pushed, ANN) == version
