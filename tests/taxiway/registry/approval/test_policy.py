"""Approval policies: what each finds missing, without a database."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from taxiway.registry.approval.policy import RequiredApproval, Standing, parse_approval
from taxiway.registry.versions.records import ModelVersion
from tests.taxiway.registry.approval.releases import CHECKS, candidate

PEOPLE = ("ann", "ben", "cleo", "dora")


def version(**changes: Any) -> ModelVersion:
    made = candidate(**changes)
    return ModelVersion((1, 0, 0), made, "2026-01-01T00:00:00Z", name="1.0.0", author="ann")


def missing(policy: dict[str, Any], standing: Standing | None = None, **changes: Any) -> list[str]:
    parsed = parse_approval({"kind": "required", "reviewers": 0} | policy)
    return parsed.missing(version(**changes), standing or Standing())


def test_a_policy_of_none_asks_for_nothing() -> None:
    policy = parse_approval({"kind": "none"})
    assert policy.missing(version(metrics={}, checks={}), Standing()) == []
    assert not policy.holds_back


def test_bounds_are_told_with_the_value_and_what_it_should_be() -> None:
    bounds = [{"metric": "auc", "lower": 0.9}, {"metric": "calibration", "upper": 1.05}]
    assert missing({"metrics": bounds}) == [
        "auc is 0.8, and at least 0.9 is required",
        "calibration is 1.1, and at most 1.05 is allowed",
    ]
    assert missing({"metrics": bounds}, metrics={"auc": 0.9, "calibration": 1.05}) == []


def test_a_metric_that_is_not_there_or_no_number_keeps_no_bound() -> None:
    bound = {"metrics": [{"metric": "auc", "lower": 0.0, "upper": 1.0}]}
    assert missing(bound, metrics={}) == ["auc was not measured"]
    assert missing(bound, metrics={"auc": math.nan}) == ["auc is nan, and at least 0 is required"]


def test_a_bound_says_something() -> None:
    with pytest.raises(ValidationError, match="the bound on 'auc' needs lower or upper"):
        parse_approval({"kind": "required", "metrics": [{"metric": "auc"}]})


@pytest.mark.parametrize("name", ["evaluator", "infra_validator", "manifest"])
def test_blessings_and_manifest_are_asked_for_unless_the_policy_says_otherwise(name: str) -> None:
    checks = CHECKS | {name: False}
    assert missing({}, checks=checks) == [f"the check '{name}' did not pass"]
    assert missing({"checks": []}, checks=checks) == []
    del checks[name]
    assert missing({}, checks=checks) == [f"the check '{name}' did not pass"]


def test_a_signature_is_asked_for_where_the_policy_does() -> None:
    assert missing({"checks": ["signature"]}) == ["the check 'signature' did not pass"]
    assert missing({"checks": ["signature"]}, checks={"signature": True}) == []


def test_empty_fields_of_the_card_are_missing() -> None:
    standing = Standing(card_gaps=("intended_use",))
    policy = {"card_fields": ["intended_use"]}
    assert missing(policy, standing) == ["the model card's field 'intended_use'"]


@pytest.mark.parametrize(
    ("before", "told"),
    [("staging", ["approval in staging"]), ("", ["approval in the environment of the runs"])],
)
def test_approval_in_an_earlier_environment_is_missing_until_it_is_there(
    before: str, told: list[str]
) -> None:
    assert missing({"promoted_from": before}) == told
    assert missing({"promoted_from": before}, Standing(approved_in=frozenset({before}))) == []


@pytest.mark.parametrize(
    ("approvers", "told"),
    [
        (set(), ["2 reviewers"]),
        ({"ben"}, ["1 more reviewer"]),
        ({"ben", "ann"}, ["1 more reviewer"]),  # ann made it
        ({"ben", "cleo"}, []),
    ],
)
def test_reviewers_are_people_who_did_not_make_it(approvers: set[str], told: list[str]) -> None:
    assert missing({"reviewers": 2}, Standing(approvers=frozenset(approvers))) == told


def test_the_author_counts_where_the_policy_says_so() -> None:
    policy = {"reviewers": 1, "approver_is_author": True}
    assert missing(policy, Standing(approvers=frozenset({"ann"}))) == []


@given(
    reviewers=st.integers(0, 4),
    approvers=st.frozensets(st.sampled_from(PEOPLE)),
    author=st.booleans(),
    auc=st.floats(0, 1),
    lower=st.floats(0, 1),
)
def test_nothing_is_missing_exactly_where_bounds_are_kept_and_enough_others_approved(
    reviewers: int, approvers: frozenset[str], author: bool, auc: float, lower: float
) -> None:
    policy = RequiredApproval.model_validate(
        {
            "kind": "required",
            "reviewers": reviewers,
            "approver_is_author": author,
            "metrics": [{"metric": "auc", "lower": lower}],
        }
    )
    found = policy.missing(version(metrics={"auc": auc}), Standing(approvers=approvers))
    counted = len(approvers if author else approvers - {"ann"})
    assert (found == []) == (auc >= lower and counted >= reviewers)


def test_one_who_approves_more_never_takes_anything_away() -> None:
    made = dataclasses.replace(version(), author="dora")
    policy = RequiredApproval(kind="required", reviewers=3)
    left = [
        policy.missing(made, Standing(approvers=frozenset(PEOPLE[:count]))) for count in range(4)
    ]
    assert left == [["3 reviewers"], ["2 more reviewers"], ["1 more reviewer"], []]
