"""The policy on record: no config goes around it, and who may administer changes it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from taxiway.errors import ConfigError
from taxiway.registry.approval.recorded import (
    accept_policy,
    check_policy,
    recorded_policies,
    recorded_policy,
)
from taxiway.registry.auth.actor import NotAllowed
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import model_versions
from tests.taxiway.registry.approval.releases import ADMIN, BEN, registered, required, under

GUARDED = "/srv/serving/parcels"
NONE = {"kind": "none"}


def test_a_policy_is_recorded_kept_and_changed(database: Database) -> None:
    """On each kind of database."""
    opened = under(database, approval=required(reviewers=2), guards=GUARDED)
    registered(opened)
    looser = under(database, approval=required(reviewers=1), guards=GUARDED)
    with pytest.raises(ConfigError, match="the policy on record for parcels is "):
        registered(looser, model_digest="m2")
    assert versions(database) == 1
    assert accept_policy(looser, "parcels", looser.settings, ADMIN)
    registered(looser, model_digest="m2")
    assert versions(database) == 2
    with database.reading() as connection:
        (record,) = recorded_policies(connection)
    assert (record.approval, record.destinations) == (looser.settings.approval, (GUARDED,))


@pytest.fixture
def guarded(file_database: Database) -> Database:
    """A registry with a version that waits for approval."""
    opened = under(file_database, approval=required(reviewers=2), guards=GUARDED)
    registered(opened)
    return opened


def check(database: Database, model: str = "parcels", **settings: Any) -> None:
    with database.reading() as connection:
        check_policy(connection, model, under(database, **settings).settings)


def versions(database: Database) -> int:
    with database.reading() as connection:
        return connection.execute(select(func.count()).select_from(model_versions)).scalar_one()


def test_the_first_version_records_the_policy_and_the_place_it_guards(guarded: Database) -> None:
    with guarded.reading() as connection:
        (record,) = recorded_policies(connection, "parcels")
    assert record.approval == guarded.settings.approval
    assert record.destinations == (GUARDED,)
    check(guarded)


@pytest.mark.parametrize(
    "approval", [NONE, required(reviewers=1), required(reviewers=2, approver_is_author=True)]
)
def test_a_config_with_another_policy_is_refused(
    guarded: Database, approval: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match="the policy on record for parcels is ") as refused:
        check(guarded, approval=approval)
    assert "taxiway models policy parcels --accept" in refused.value.edit


def test_nothing_is_registered_by_a_config_with_another_policy(guarded: Database) -> None:
    with pytest.raises(ConfigError, match="the policy on record"):
        registered(under(guarded, approval=NONE), model_digest="m2")
    assert versions(guarded) == 1


@pytest.mark.parametrize("around", [{"environment": "mine"}, {"model": "another"}])
def test_no_other_environment_or_model_fills_the_place_it_guards(
    guarded: Database, around: dict[str, str]
) -> None:
    with pytest.raises(ConfigError) as refused:
        check(guarded, **around, approval=NONE)
    assert refused.value.message.startswith(
        f"push.destination is {GUARDED}, which serves parcels under a policy of its own"
    )


def test_a_place_is_the_same_however_it_is_spelt(guarded: Database, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/srv")
    for spelt in (f"{GUARDED}/", "/srv/x/../serving//parcels", f"{link}/serving/parcels"):
        with pytest.raises(ConfigError, match=r"push\.destination is"):
            check(guarded, environment="mine", approval=NONE, guards=spelt)
    check(guarded, environment="mine", approval=NONE, guards="/srv/serving/mine")


def test_a_policy_guards_no_place_that_others_fill_already(file_database: Database) -> None:
    registered(under(file_database, guards=GUARDED))
    with pytest.raises(ConfigError, match=r"push\.destination is"):
        check(file_database, environment="production", approval=required(), guards=GUARDED)


def test_places_of_policies_that_hold_nothing_back_may_be_shared(file_database: Database) -> None:
    registered(under(file_database, guards=GUARDED))
    check(file_database, model="another", guards=GUARDED)


def test_a_second_place_is_guarded_as_the_first_is(guarded: Database) -> None:
    moved = under(guarded, guards="/mnt/serving")
    registered(moved, model_digest="m2")
    for place in (GUARDED, "/mnt/serving"):
        with pytest.raises(ConfigError, match=r"push\.destination is"):
            check(guarded, environment="mine", approval=NONE, guards=place)


def test_only_who_may_administer_changes_it(guarded: Database) -> None:
    looser = under(guarded, approval=required(reviewers=1))
    with pytest.raises(NotAllowed):
        accept_policy(looser, "parcels", looser.settings, BEN)
    assert accept_policy(looser, "parcels", looser.settings, ADMIN)
    with guarded.reading() as connection:
        record = recorded_policy(connection, "parcels", "")
    assert record is not None
    assert record.approval == looser.settings.approval
    assert not accept_policy(looser, "parcels", looser.settings, ADMIN)
    with pytest.raises(ConfigError, match="the policy on record"):
        check(guarded, approval=required(reviewers=2))


def test_a_changed_policy_takes_no_other_ones_place(guarded: Database) -> None:
    mine = under(guarded, environment="mine", approval=NONE)
    with pytest.raises(ConfigError, match=r"push\.destination is"):
        accept_policy(mine, "parcels", mine.settings, ADMIN)


def test_a_model_without_versions_takes_any_policy(file_database: Database) -> None:
    check(file_database, approval=required(reviewers=3))
    with file_database.reading() as connection:
        assert recorded_policies(connection) == []


def test_the_same_version_records_once(guarded: Database) -> None:
    with guarded.reading() as connection:
        before = recorded_policies(connection)
    registered(guarded)
    with guarded.reading() as connection:
        assert recorded_policies(connection) == before
    assert dataclasses.asdict(before[0])["model"] == "parcels"
