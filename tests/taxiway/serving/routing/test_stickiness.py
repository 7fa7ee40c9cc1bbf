"""100,000 users: each has one version, in every gateway, and a ramp takes nobody back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from scipy.stats import chi2_contingency

from taxiway.delivery.section import CookieKey
from taxiway.registry.auth.actor import Permission
from taxiway.registry.database.session import Database
from taxiway.registry.routes.moves import shape
from taxiway.registry.routes.records import Extras
from taxiway.registry.section import SqliteRegistry
from taxiway.serving.requests.ask import Ask
from taxiway.serving.routing.router import Router
from taxiway.serving.routing.table import RoutingTable
from taxiway.serving.routing.watcher import read_table
from tests.taxiway.registry.conftest import ANN
from tests.taxiway.registry.deploy.conftest import Site
from tests.taxiway.registry.routes.conftest import Traffic

USERS = 100_000
ASKS = [
    Ask("parcels", 1, {}, request_id=f"r{number}", headers={b"cookie": b"a=b; user=u%d" % number})
    for number in range(USERS)
]
SALT = "5e1f"
"""Fixed, so that the shares of these users are always the same."""


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traffic]:
    """Three versions."""
    folder = tmp_path_factory.mktemp("registry")
    settings = SqliteRegistry(kind="sqlite", path=str(folder / "registry.sqlite"))
    database = Database(settings)
    yield Traffic(Site(database, folder))
    database.close()


def split(traffic: Traffic, *percents: float, salt: str = SALT) -> None:
    """Gives each version its percent of the traffic."""
    weights = [
        (version, int(percent * 100))
        for version, percent in zip(traffic.versions, percents, strict=False)
    ]
    with traffic.database.changing(ANN, Permission.DEPLOY) as change:
        shape(change, "parcels", "", weights, Extras(salt=salt), "experiment.start")


def table(database: Database) -> RoutingTable:
    """As a gateway reads it."""
    with database.reading() as connection:
        return read_table(connection, ["parcels"], "")


def versions(of: RoutingTable) -> list[str]:
    """Of every user, by a gateway that has just started."""
    router = Router(CookieKey(kind="cookie", name="user"))
    return [router.choice(of, ask).version for ask in ASKS]


def shares(found: list[str], traffic: Traffic) -> list[float]:
    """Percent of each version."""
    count = Counter(found)
    return [100 * count[version.name] / USERS for version in traffic.versions]


def test_shares_of_users_are_within_half_a_point_of_the_weights(traffic: Traffic) -> None:
    split(traffic, 50, 30, 20)
    found = shares(versions(table(traffic.database)), traffic)
    assert found == pytest.approx([50, 30, 20], abs=0.5)


def test_on_a_ramp_users_get_the_new_version_and_none_moves_back(traffic: Traffic) -> None:
    new = traffic.versions[1].name
    have: set[int] = set()
    for percent in (5, 25, 50, 100):
        split(traffic, 100 - percent, percent)
        found = versions(table(traffic.database))
        now = {number for number, version in enumerate(found) if version == new}
        assert not have - now
        assert 100 * len(now) / USERS == pytest.approx(percent, abs=0.5)
        have = now
    assert len(have) == USERS


def test_no_user_differs_over_a_restart_or_in_a_second_gateway(traffic: Traffic) -> None:
    split(traffic, 50, 30, 20)
    one = versions(table(traffic.database))
    again = Database(traffic.database.settings)
    try:
        assert versions(table(again)) == one
        split(traffic, 40, 40, 20)
        assert versions(table(again)) == versions(table(traffic.database)) != one
    finally:
        again.close()


def test_experiments_of_other_salts_are_independent(traffic: Traffic) -> None:
    split(traffic, 50, 50)
    first = versions(table(traffic.database))
    split(traffic, 50, 50, salt="another")
    second = versions(table(traffic.database))
    names = [one.name for one in traffic.versions[:2]]
    both = Counter(zip(first, second, strict=True))
    counts = [[both[one, other] for other in names] for one in names]
    assert chi2_contingency(counts).pvalue > 0.001  # of these users and salts: always the same
    assert min(min(row) for row in counts) > 24_000
