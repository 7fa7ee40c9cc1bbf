"""A server admits a version that is published before it has traffic, or the entry is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from taxiway.errors import TaxiwayError
from taxiway.registry.approval.states import set_state
from taxiway.registry.deploy.deployer import Deployer, Outcome
from taxiway.registry.deploy.queue import DeployQueue, LeaseLost
from taxiway.registry.routes.records import current
from taxiway.registry.versions.records import ModelVersion
from tests.taxiway.registry.deploy.conftest import BEN, Site

Admit = Callable[[ModelVersion, str], None]


def deploy(site: Site, admit: Admit) -> list[Outcome]:
    return list(Deployer(site.database, site.push, BEN, admit=admit).deploy("parcels"))


def routed(site: Site) -> str:
    """The version that has all traffic; empty where none has."""
    with site.database.reading() as connection:
        found = current(connection, "parcels", "")
    return found.route.stable.version if found else ""


def refuses(version: ModelVersion, place: str) -> None:
    raise TaxiwayError(f"{version.subject} answers NaN to a smoke test")


def test_it_sees_the_version_published_and_without_traffic(site: Site) -> None:
    first, second = site.queued("one"), None
    seen = []

    def admit(version: ModelVersion, place: str) -> None:
        content = (Path(place) / "variables" / "variables.index").read_text()
        seen.append((version.name, content, routed(site), len(site.history())))

    deploy(site, admit)
    second = site.queued("two")
    deploy(site, admit)
    assert seen == [(first.name, "one", "", 0), (second.name, "two", first.name, 1)]
    assert routed(site) == second.name


def test_one_that_does_not_become_ready_replaces_nothing_and_is_taken_back(site: Site) -> None:
    first = site.queued("one")
    site.deploy()
    second = site.queued("two")
    (refused,) = deploy(site, refuses)
    assert (refused.state, refused.reason) == (
        "refused",
        f"{second.subject} answers NaN to a smoke test",
    )
    assert routed(site) == first.name
    assert [one.version for one in site.history()] == [first.name]
    assert site.served() == ["one"]  # as a server that takes the highest number sees it
    assert site.audited()[-1] == ("deploy.refused", second.subject)
    third = site.queued("three")
    assert [outcome.state for outcome in site.deploy()] == ["done"]
    assert routed(site) == third.name


def test_what_the_pusher_placed_stays_where_a_server_does_not_admit_it(file_site: Site) -> None:
    file_site.store = file_site.serving
    version = file_site.version("1")
    file_site.queue(version)
    (refused,) = deploy(file_site, refuses)
    assert refused.state == "refused"
    assert file_site.served() == ["1"]
    assert routed(file_site) == ""


def test_one_that_is_rejected_while_it_is_loaded_gets_no_traffic(file_site: Site) -> None:
    file_site.queued("one")

    def admit(version: ModelVersion, _: str) -> None:
        with file_site.database.working() as connection:
            set_state(connection, version, "", "rejected", "it is unfair")

    (refused,) = deploy(file_site, admit)
    assert (refused.state, refused.reason) == (
        "refused",
        "parcels/1.0.0 is rejected: it is unfair",
    )
    assert routed(file_site) == ""
    assert file_site.served() == []


def test_one_whose_lease_was_lost_while_it_was_loaded_is_left_to_the_other(
    file_site: Site,
) -> None:
    file_site.queued("one")

    def admit(*_: object) -> None:
        ahead = file_site.database.settings.lease_seconds
        clock = file_site.deployer().queue._clock
        DeployQueue(file_site.database, clock=lambda: clock() + ahead).take("parcels", "other")

    with pytest.raises(LeaseLost):
        deploy(file_site, admit)
    assert routed(file_site) == ""


def test_a_server_that_ends_while_it_loads_gives_the_entry_back(file_site: Site) -> None:
    file_site.queued("one")

    def ends(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deploy(file_site, ends)
    (waiting,) = file_site.deployer().queue.waiting("parcels")
    assert waiting.state == "waiting"
    (done,) = file_site.deploy()
    assert (done.state, done.copied) == ("done", False)
    assert file_site.served() == ["one"]
