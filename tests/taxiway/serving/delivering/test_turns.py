"""Of several gateways one moves a rollout on; the others see it, and go on where it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from taxiway.delivery.rollout.apply import start
from taxiway.registry.auth.actor import Actor, Permission, Role
from taxiway.registry.database.tables import leases
from taxiway.serving.delivering.control.controller import Controller
from taxiway.serving.delivering.control.rollouts import Rollouts
from tests.taxiway.serving.fleet.conftest import GATEWAY, Site, site, stable, until

__all__ = ["site"]

CANARY = "delivery.strategy={kind: canary, steps: [{setWeight: 5}, {pause: {}}]}"


def with_a_rollout(site: Site) -> None:
    """Two versions, the first of which serves, and a rollout of the second that has begun."""
    first, second = site.push("1", 1), site.push("2", 2)

    async def main() -> None:
        async with site.fleet() as fleet:
            await until(lambda: stable(fleet, site.model) == second.name)

    asyncio.run(main())
    config = site.config(CANARY)
    with site.database.changing(GATEWAY, Permission.DEPLOY) as change:
        start(change, first, "", config.delivery)


def turn(
    site: Site, name: str, actor: Actor = GATEWAY, on_move: Callable[[], None] = lambda: None
) -> Rollouts:
    return Rollouts(site.database, actor, name, [site.model], 600.0, on_move)


def holders(site: Site) -> list[str]:
    with site.database.reading() as connection:
        return [row.holder for row in connection.execute(leases.select())]


def test_one_gateway_holds_a_rollout_and_the_others_see_it(site: Site) -> None:
    with_a_rollout(site)
    one, two = turn(site, "one"), turn(site, "two")
    for _ in range(2):
        assert one.look() == two.look() == {}
    assert holders(site) == ["one"]
    assert (one.held, two.held) == ({site.model}, frozenset())
    assert one.open[site.model].id == two.open[site.model].id
    two.give_back()
    assert holders(site) == ["one"]
    one.give_back()
    assert holders(site) == []
    two.look()
    assert holders(site) == ["two"]


def test_a_gateway_whose_actor_may_not_deploy_says_so(site: Site) -> None:
    with_a_rollout(site)
    viewer = Actor("ben", "token", Role.VIEWER)
    one = turn(site, "one", viewer)
    (why,) = one.look().values()
    assert "this registry knows no token" in why
    assert holders(site) == []
    assert set(one.open) == {site.model}


def test_a_rollout_of_a_model_that_is_not_served_here_is_left_alone(site: Site) -> None:
    with_a_rollout(site)
    other = Rollouts(site.database, GATEWAY, "one", ["another"], 600.0, lambda: None)
    assert other.look() == {}
    assert (dict(other.open), holders(site)) == ({}, [])


def test_trouble_of_one_turn_is_told_and_the_next_one_has_its_turn(site: Site) -> None:
    with_a_rollout(site)

    class Broken:
        """Has an error of its own."""

        def look(self) -> dict[str, str]:
            raise RuntimeError("a mistake")

        def give_back(self) -> None:
            """Has nothing."""

    async def main() -> None:
        rollouts = turn(site, "one")
        controller = Controller([Broken(), rollouts], seconds=0.01)
        task = asyncio.create_task(controller.run())
        await until(lambda: rollouts.held)
        assert controller.trouble == {"the gateway": "RuntimeError: a mistake"}
        task.cancel()
        await asyncio.wait([task])
        await controller.close()
        assert holders(site) == []

    asyncio.run(main())
