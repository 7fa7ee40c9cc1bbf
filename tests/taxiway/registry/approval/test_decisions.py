"""What the policy and people decide: states, reviews, promotion; one release on each database."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from sqlalchemy import select, update

from taxiway.errors import ConfigError
from taxiway.registry.approval.decisions import approve, promote, reject
from taxiway.registry.approval.recorded import accept_policy
from taxiway.registry.approval.states import (
    NotApproved,
    State,
    decisions_of,
    is_approved,
    require_approved,
    state_of,
)
from taxiway.registry.auth.actor import Actor, NotAllowed, Role
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import audit, model_versions
from taxiway.registry.deploy.queue import DeployQueue
from taxiway.registry.versions.records import ModelVersion
from tests.taxiway.registry.approval.releases import (
    ADMIN,
    AUTHOR,
    BEN,
    CHECKS,
    CLEO,
    registered,
    required,
    under,
)


def state(database: Database, version: ModelVersion, environment: str = "") -> State:
    with database.reading() as connection:
        found = state_of(connection, version, environment)
    assert found is not None
    return found


def queued(database: Database, environment: str = "") -> list[str]:
    return [entry.subject for entry in DeployQueue(database, environment).waiting("parcels")]


def told(database: Database) -> list[tuple[str, str]]:
    """The audit: actor and action."""
    with database.reading() as connection:
        return [(row.actor, row.action) for row in connection.execute(select(audit))]


def archive(database: Database) -> None:
    with database.working() as connection:
        connection.execute(update(model_versions).values(archived=True))


def test_a_release_through_two_environments(database: Database) -> None:
    """Two reviewers, a rejection that is taken back, and staging, on each kind of database."""
    runs = under(database, approval=required(reviewers=2))
    version = registered(runs)
    assert state(runs, version).reason == "2 reviewers"
    with pytest.raises(NotApproved, match="it needs 2 reviewers"):
        DeployQueue(runs).put(version, ADMIN)
    approve(runs, version, "", BEN, "better at night")
    reject(runs, version, "", CLEO, "worse by day")
    assert state(runs, version) == dataclasses.replace(
        state(runs, version), state="rejected", reason="worse by day"
    )
    assert approve(runs, version, "", CLEO).state == "approved"
    assert queued(runs) == ["parcels/1.0.0"]
    staging = under(database, environment="staging", approval=required(promoted_from=""))
    assert promote(staging, version, staging.settings, BEN).reason == "1 reviewer"
    with pytest.raises(NotAllowed):
        approve(staging, version, "staging", dataclasses.replace(CLEO, role=Role.AUTHOR))
    assert approve(staging, version, "staging", CLEO).state == "approved"
    assert queued(staging, "staging") == ["parcels/1.0.0"]
    with database.reading() as connection:
        made = [(one.environment, one.decided_by) for one in decisions_of(connection, version)]
    assert made == [("", "ben"), ("", "cleo"), ("", "cleo"), ("staging", "cleo")]
    assert [action for _, action in told(database)] == [
        "version.registered",
        *("policy.recorded", "version.pending"),
        *("version.approved", "version.rejected", "version.approved", "deploy.queued"),
        *("policy.recorded", "version.pending", "version.promoted"),
        *("version.approved", "deploy.queued"),
    ]


class TestNone:
    """No policy: as it is registered."""

    def test_a_version_is_approved_at_once_by_the_policy(self, file_database: Database) -> None:
        version = registered(file_database)
        assert state(file_database, version).state == "approved"
        assert told(file_database) == [
            ("ann", "version.registered"),
            ("ann", "policy.recorded"),
            ("policy", "version.approved"),
        ]
        with file_database.reading() as connection:
            (decision,) = decisions_of(connection, version)
        assert (decision.decided_by, decision.decision) == ("policy", "approved")

    def test_the_same_model_again_says_nothing_new(self, file_database: Database) -> None:
        registered(file_database)
        before = told(file_database)
        registered(file_database)
        assert told(file_database) == before

    def test_what_is_rejected_stays_so_when_the_same_model_comes_again(
        self, file_database: Database
    ) -> None:
        version = registered(file_database)
        reject(file_database, version, "", BEN, "it is slow")
        registered(file_database, pushed_to="/models/parcels/2")
        assert state(file_database, version) == dataclasses.replace(
            state(file_database, version), state="rejected", reason="it is slow"
        )
        with pytest.raises(NotApproved, match=r"parcels/1.0.0 is rejected: it is slow"):
            DeployQueue(file_database).put(version, ADMIN)


class TestTwoReviewers:
    """Two people who did not make it."""

    @pytest.fixture(autouse=True)
    def _version(self, file_database: Database) -> None:
        self.database = under(file_database, approval=required(reviewers=2))
        self.version = registered(self.database)

    def approve(self, actor: Actor, reason: str = "") -> State:
        return approve(self.database, self.version, "", actor, reason)

    def test_it_waits_and_says_for_whom(self) -> None:
        found = state(self.database, self.version)
        assert (found.state, found.reason) == ("pending", "2 reviewers")
        assert queued(self.database) == []

    def test_it_is_queued_as_the_second_of_two_approves(self) -> None:
        assert self.approve(BEN).reason == "1 more reviewer"
        assert queued(self.database) == []
        assert self.approve(CLEO, "looks good").state == "approved"
        assert queued(self.database) == ["parcels/1.0.0"]
        assert told(self.database)[-3:] == [
            ("ben", "version.approved"),
            ("cleo", "version.approved"),
            ("cleo", "deploy.queued"),
        ]

    def test_one_person_is_one_person(self) -> None:
        self.approve(BEN)
        assert self.approve(BEN).reason == "1 more reviewer"

    def test_the_author_is_none_of_them(self) -> None:
        with pytest.raises(NotApproved, match=r"ann made parcels/1.0.0"):
            self.approve(AUTHOR)

    def test_who_calls_itself_policy_is_none_of_them(self) -> None:
        with pytest.raises(NotApproved, match="stands for the policy itself"):
            self.approve(Actor("policy", "system", Role.APPROVER))

    def test_an_author_or_a_viewer_may_not(self) -> None:
        for role in (Role.AUTHOR, Role.VIEWER, Role.DEPLOYER):
            with pytest.raises(NotAllowed):
                self.approve(dataclasses.replace(BEN, role=role))

    def test_the_queue_takes_nothing_that_waits(self) -> None:
        self.approve(BEN)
        with pytest.raises(NotApproved) as refused:
            DeployQueue(self.database).put(self.version, ADMIN)
        assert refused.value.message == (
            "parcels/1.0.0 waits for approval: it needs 1 more reviewer"
        )
        assert refused.value.edit == "`taxiway models approve parcels/1.0.0`"
        assert queued(self.database) == []

    def test_what_is_approved_stays_so_and_is_queued_once(self) -> None:
        self.approve(BEN)
        self.approve(CLEO)
        before = told(self.database)
        assert self.approve(ADMIN).state == "approved"
        assert told(self.database) == before
        registered(self.database)
        assert state(self.database, self.version).state == "approved"
        assert queued(self.database) == ["parcels/1.0.0"]

    def test_a_stricter_policy_takes_no_approval_back(self) -> None:
        self.approve(BEN)
        self.approve(CLEO)
        stricter = under(self.database, approval=required(reviewers=3))
        accept_policy(stricter, "parcels", stricter.settings, ADMIN)
        registered(stricter, pushed_to="/models/parcels/2")
        assert state(stricter, self.version).state == "approved"

    def test_approvals_are_kept_when_the_same_model_is_pushed_again(self) -> None:
        self.approve(BEN)
        registered(self.database, pushed_to="/models/parcels/2")
        assert self.approve(CLEO).state == "approved"

    def test_another_model_begins_anew(self) -> None:
        self.approve(BEN)
        self.approve(CLEO)
        other = registered(self.database, model_digest="m2")
        assert state(self.database, other).reason == "2 reviewers"

    def test_an_archived_version_can_be_neither_approved_nor_queued(self) -> None:
        self.approve(BEN)
        archive(self.database)
        with pytest.raises(NotApproved, match="is archived"):
            self.approve(CLEO)
        with pytest.raises(NotApproved, match="is archived"):
            reject(self.database, self.version, "", CLEO, "old")
        with pytest.raises(NotApproved, match="is archived"):
            DeployQueue(self.database).put(self.version, ADMIN)

    def test_what_changed_since_it_was_read_counts(self) -> None:
        self.approve(BEN)
        registered(self.database, pushed_to="/models/parcels/2")
        self.approve(CLEO)
        (entry,) = DeployQueue(self.database).waiting("parcels")
        assert entry.pushed_to == "/models/parcels/2"

    def test_an_approved_version_that_is_archived_is_approved_no_more(self) -> None:
        self.approve(BEN)
        self.approve(CLEO)
        archive(self.database)
        with self.database.reading() as connection:
            assert not is_approved(connection, self.version, "")


class TestRejected:
    """One of those who review says no."""

    @pytest.fixture(autouse=True)
    def _version(self, file_database: Database) -> None:
        self.database = under(file_database, approval=required(reviewers=1))
        self.version = registered(self.database)
        reject(self.database, self.version, "", BEN, "worse at night")

    def test_it_is_rejected_with_the_reason(self) -> None:
        found = state(self.database, self.version)
        assert (found.state, found.reason) == ("rejected", "worse at night")
        with (
            self.database.reading() as connection,
            pytest.raises(NotApproved, match=r"parcels/1.0.0 is rejected: worse at night"),
        ):
            require_approved(connection, self.version, "")

    def test_a_rejection_says_why(self) -> None:
        with pytest.raises(ConfigError) as refused:
            reject(self.database, self.version, "", CLEO, " ")
        assert refused.value.edit == "--reason"

    def test_no_new_push_of_the_model_ends_it(self) -> None:
        registered(self.database, pushed_to="/models/parcels/2")
        assert state(self.database, self.version).state == "rejected"

    def test_another_reviewer_cannot_take_it_back(self) -> None:
        with pytest.raises(NotAllowed, match=r"parcels/1.0.0 was rejected by ben, who can take it"):
            approve(self.database, self.version, "", CLEO, "it is good")
        assert state(self.database, self.version).state == "rejected"

    def test_whoever_rejected_can(self) -> None:
        assert approve(self.database, self.version, "", BEN).state == "approved"
        assert queued(self.database) == ["parcels/1.0.0"]

    def test_an_administrator_can_and_says_why(self) -> None:
        with pytest.raises(NotApproved, match="takes a reason"):
            approve(self.database, self.version, "", ADMIN)
        assert approve(self.database, self.version, "", ADMIN, "not so").state == "approved"
        with self.database.reading() as connection:
            reasons = [row.reason for row in connection.execute(select(audit))]
        assert {"worse at night", "not so"} <= set(reasons)

    def test_what_is_approved_can_be_rejected_and_is_queued_no_more(self) -> None:
        approve(self.database, self.version, "", BEN)
        reject(self.database, self.version, "", CLEO, "broken")
        again = registered(self.database, pushed_to="/models/parcels/2")
        with pytest.raises(NotApproved, match="is rejected: broken"):
            DeployQueue(self.database).put(again, ADMIN)


class TestRefused:
    """A policy that the version does not keep."""

    BOUND = required(metrics=[{"metric": "auc", "lower": 0.9}])
    WHY = "auc is 0.8, and at least 0.9 is required"

    def test_it_is_rejected_as_it_is_registered_by_the_policy(
        self, file_database: Database
    ) -> None:
        file_database = under(file_database, approval=self.BOUND)
        version = registered(file_database)
        assert state(file_database, version).state == "rejected"
        assert state(file_database, version).reason == self.WHY
        assert told(file_database)[-1] == ("policy", "version.rejected")

    def test_no_one_can_approve_it(self, file_database: Database) -> None:
        file_database = under(file_database, approval=self.BOUND)
        version = registered(file_database)
        for actor in (BEN, ADMIN):
            with pytest.raises(NotApproved, match=self.WHY):
                approve(file_database, version, "", actor, "all the same")
        with pytest.raises(NotApproved, match=self.WHY):
            DeployQueue(file_database).put(version, ADMIN)

    def test_it_is_judged_anew_where_it_was_pushed_again_under_another_policy(
        self, file_database: Database
    ) -> None:
        version = registered(under(file_database, approval=self.BOUND))
        looser = under(file_database, approval=required(metrics=[{"metric": "auc", "lower": 0.7}]))
        accept_policy(looser, "parcels", looser.settings, ADMIN)
        registered(looser)
        assert state(looser, version).reason == "1 reviewer"
        assert approve(looser, version, "", BEN).state == "approved"

    def test_a_check_that_did_not_pass_refuses_it_too(self, file_database: Database) -> None:
        file_database = under(file_database, approval=required(checks=["signature"], reviewers=0))
        unsigned = registered(file_database)
        assert state(file_database, unsigned).reason == "the check 'signature' did not pass"
        signed = registered(file_database, model_digest="m2", checks=CHECKS | {"signature": True})
        assert state(file_database, signed).state == "approved"


class TestPromote:
    """From the runs to staging, and from there to production."""

    @pytest.fixture(autouse=True)
    def _version(self, file_database: Database) -> None:
        self.database = file_database
        self.version = registered(file_database)
        self.staging = self.settings("staging", required(reviewers=1))
        self.production = self.settings(
            "production", required(reviewers=2, promoted_from="staging")
        )

    def settings(self, environment: str, approval: dict[str, Any]) -> Any:
        changed = under(self.database, environment=environment, approval=approval)
        return changed.settings

    def test_each_environment_has_a_state_and_a_queue_of_its_own(self) -> None:
        assert promote(self.database, self.version, self.staging, BEN).state == "pending"
        assert queued(self.database, "staging") == []
        approve(self.database, self.version, "staging", BEN)
        assert queued(self.database, "staging") == ["parcels/1.0.0"]
        assert queued(self.database, "production") == []
        promote(self.database, self.version, self.production, BEN)
        approve(self.database, self.version, "production", BEN)
        assert state(self.database, self.version, "production").reason == "1 more reviewer"
        approve(self.database, self.version, "production", CLEO)
        assert queued(self.database, "production") == ["parcels/1.0.0"]

    def test_production_takes_what_is_approved_in_staging_only(self) -> None:
        with pytest.raises(NotApproved) as refused:
            promote(self.database, self.version, self.production, BEN)
        assert refused.value.edit == "`taxiway models promote parcels/1.0.0 --to staging`"
        promote(self.database, self.version, self.staging, BEN)
        with pytest.raises(NotApproved, match="waits for approval in staging"):
            promote(self.database, self.version, self.production, BEN)

    def test_what_was_taken_back_in_staging_is_not_approved_in_production(self) -> None:
        promote(self.database, self.version, self.staging, BEN)
        approve(self.database, self.version, "staging", BEN)
        promote(self.database, self.version, self.production, BEN)
        approve(self.database, self.version, "production", BEN)
        reject(self.database, self.version, "staging", BEN, "it crashed")
        after = approve(self.database, self.version, "production", CLEO)
        assert (after.state, after.reason) == ("pending", "approval in staging")

    def test_to_ask_is_not_to_approve(self) -> None:
        promote(self.database, self.version, self.staging, BEN)
        assert state(self.database, self.version, "staging").reason == "1 reviewer"

    def test_a_policy_that_asks_for_no_one_lets_it_through_at_once(self) -> None:
        settings = self.settings("staging", {"kind": "none"})
        assert promote(self.database, self.version, settings, BEN).state == "approved"
        assert queued(self.database, "staging") == ["parcels/1.0.0"]

    def test_an_environment_it_was_never_put_before_approves_nothing(self) -> None:
        with pytest.raises(NotApproved) as refused:
            approve(self.database, self.version, "staging", BEN)
        assert refused.value.edit == "`taxiway models promote parcels/1.0.0 --to staging`"
        with pytest.raises(NotApproved, match="not approved in staging"):
            DeployQueue(self.database, "staging").put(self.version, ADMIN)

    def test_the_config_names_the_environment(self) -> None:
        with pytest.raises(ConfigError, match="the config names no environment"):
            promote(self.database, self.version, self.database.settings, BEN)

    def test_the_policy_on_record_holds_for_the_next_promotion(self) -> None:
        promote(self.database, self.version, self.staging, BEN)
        other = registered(self.database, model_digest="m2")
        looser = self.settings("staging", {"kind": "none"})
        with pytest.raises(ConfigError, match="the policy on record for parcels in staging"):
            promote(self.database, other, looser, ADMIN)

    def test_an_author_may_not(self) -> None:
        with pytest.raises(NotAllowed):
            promote(self.database, self.version, self.staging, Actor("ann", "system", Role.AUTHOR))

    def test_an_archived_version_is_promoted_nowhere(self) -> None:
        archive(self.database)
        with pytest.raises(NotApproved, match="is archived"):
            promote(self.database, self.version, self.staging, BEN)

    def test_one_that_the_policy_refuses_is_rejected_there_and_promoted_no_more(self) -> None:
        strict = self.settings("staging", TestRefused.BOUND)
        after = promote(self.database, self.version, strict, BEN)
        assert (after.state, after.reason) == ("rejected", TestRefused.WHY)
        assert state(self.database, self.version, "staging").state == "rejected"
        with pytest.raises(NotApproved, match=TestRefused.WHY):
            promote(self.database, self.version, strict, BEN)
        assert queued(self.database, "staging") == []

    def test_the_audit_has_it(self) -> None:
        promote(self.database, self.version, self.staging, BEN, "ready to try")
        with self.database.reading() as connection:
            query = select(audit).where(audit.c.action == "version.promoted")
            row = connection.execute(query).one()
        assert (row.actor, row.subject, row.reason) == ("ben", "parcels/1.0.0", "ready to try")
        assert json.loads(row.after) == {"environment": "staging", "state": "pending"}
