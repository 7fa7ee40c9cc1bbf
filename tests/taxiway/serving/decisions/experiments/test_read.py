"""The log of an experiment: everything on disk is read, once, and what is left out is counted."""

from __future__ import annotations

import shutil
import time
from typing import Any

import numpy as np
import pytest

from taxiway.delivery.experiment.judging.requests import Requests
from taxiway.delivery.experiment.phases import Phase
from taxiway.registry.database.tables import written
from taxiway.serving.decisions.erasure import tombstones
from taxiway.serving.decisions.erasure.tombstones import Tombstone
from taxiway.serving.decisions.experiments.before import before
from taxiway.serving.decisions.experiments.read import read_requests
from taxiway.serving.decisions.experiments.warm import learnt_before
from taxiway.serving.decisions.keys import Hasher
from taxiway.serving.decisions.layout import WAL
from taxiway.serving.decisions.log import DecisionLog
from taxiway.serving.decisions.parquet.convert import convert_all
from taxiway.serving.decisions.record import Reward
from tests.taxiway.delivery.experiment.trials import a_design
from tests.taxiway.serving.decisions.conftest import (
    MODEL,
    Folder,
    an_ask,
    logged,
    rewarded,
    wait_until,
)

REVISION = 7


def a_phase() -> Phase:
    since = written(time.time() - 3_600)
    return Phase((REVISION,), since, (5_000, 5_000), ("stable", "1.1.0"), True)


def decided(
    log: DecisionLog, request_id: str, key: str = "", arm: str = "stable", **of: Any
) -> None:
    """A decision of the experiment, unless it is said otherwise."""
    drawn = {"policy": "weights", "revision": REVISION, "propensity": 0.5, "chosen": arm}
    rows = of.pop("rows", 1)
    logged(log, an_ask(request_id, key=key, rows=rows), **(drawn | {"arm": arm} | of))


def read(folder: Folder, covariate: str = "", by_user: bool = True, **of: Any) -> Requests:
    given = {"rewards": ("reward",), "window_hours": 24.0} | of
    return read_requests(
        folder.root, MODEL, a_phase(), covariate=covariate, by_user=by_user, **given
    )


def on_disk(log: DecisionLog) -> DecisionLog:
    """Waits until all that it took is."""
    wait_until(lambda: log.counts().waiting == 0)
    return log


def test_what_gateways_have_on_disk_is_read_as_parquet_or_not(folder: Folder) -> None:
    first = folder.log()
    decided(first, "r-1", "ann")
    rewarded(first, Reward("r-2", 2.0, MODEL))  # another gateway's decision
    folder.close()
    convert_all(folder.root)
    second = folder.log()
    decided(second, "r-2", "ben", "1.1.0")
    rewarded(on_disk(second), Reward("r-1", 1.0, MODEL))
    on_disk(second)
    found = read(folder)
    assert found.arm.tolist() == [0, 1]
    assert found.rewards["reward"].values.tolist() == [1.0, 2.0]
    assert (found.keyed, found.units) == (2, 2)


def test_a_segment_that_becomes_parquet_meanwhile_is_read_once(folder: Folder) -> None:
    log = folder.log()
    for number in range(5):
        decided(log, f"r-{number}", f"user-{number}")
    rewarded(log, Reward("r-0", 1.0, MODEL))
    gateway = folder.root / WAL / log.gateway
    folder.close()
    kept = folder.root.with_name("kept")
    shutil.copytree(gateway, kept)
    convert_all(folder.root)
    shutil.copytree(kept, gateway)  # as it was before the converter had removed it
    found = read(folder)
    assert (len(found.arm), found.left_out.repeated) == (5, 0)
    assert found.rewards["reward"].duplicates == 0


def test_each_request_is_counted_once_and_only_drawn_ones_take_part(folder: Folder) -> None:
    log = folder.log()
    decided(log, "drawn", "ann", rows=3)
    decided(log, "fell", "ben", arm="stable", chosen="1.1.0", fallback=True)
    decided(log, "of-nobody", "")
    decided(log, "named", "ann", policy="named")
    decided(log, "by-hand", "ann", policy="override")
    decided(log, "outside", "ann", policy="audience")
    decided(log, "before", "ann", revision=REVISION - 1)
    decided(log, "after", "ann", policy="single", revision=REVISION + 1)
    decided(log, "drawn", "ann")  # a client that tried again
    decided(log, "cross-1", "carl", "stable")
    decided(log, "cross-2", "carl", "1.1.0")
    on_disk(log)
    found = read(folder)
    assert len(found.arm) == 3
    assert (found.keyed, found.units) == (2, 3)
    left = found.left_out.to_json()
    assert left == {
        "named": 1,
        "override": 1,
        "outside": 1,
        "other_routes": 2,
        "repeated": 1,
        "crossed": 2,
    }
    assert len(found.arm) + sum(left.values()) == 11
    assert found.fallback.tolist() == [False, True, False]
    assert found.arm.tolist() == [0, 1, 0]  # of the one that fell, the arm that was chosen


def test_rewards_of_requests_that_took_no_part_are_not_unknown(folder: Folder) -> None:
    log = folder.log()
    decided(log, "named", "ann", policy="named")
    decided(log, "drawn", "ann")
    rewarded(log, *(Reward(one, 1.0, MODEL) for one in ("named", "drawn", "unheard-of")))
    on_disk(log)
    came = read(folder).rewards["reward"]
    assert (came.values.tolist(), came.unknown) == ([1.0], 1)


def test_a_reward_more_than_a_day_late_counts_and_is_told(folder: Folder) -> None:
    log = folder.log()
    decided(log, "r-1", "ann")
    rewarded(log, Reward("r-1", 1.0, MODEL, time_us=int((time.time() + 2 * 86_400) * 1e6)))
    on_disk(log)
    came = read(folder).rewards["reward"]
    assert (came.values.tolist(), came.is_late.tolist()) == ([1.0], [True])


def test_who_is_to_be_erased_is_not_read_though_nothing_was_converted_yet(folder: Folder) -> None:
    log = folder.log()
    decided(log, "r-1", "ann")
    decided(log, "r-2", "ben", "1.1.0")
    on_disk(log)
    now = int(time.time() * 1e6)
    digest = str(Hasher(folder.root).value("ben"))
    tombstones.add(folder.root, Tombstone("1", digest, now))
    assert read(folder).arm.tolist() == [0]


def test_a_bandit_draws_for_each_request_whosever_it_is(folder: Folder) -> None:
    log = folder.log()
    decided(log, "r-1", "ann", "stable", policy="thompson")
    decided(log, "r-2", "ann", "1.1.0", policy="thompson")
    on_disk(log)
    found = read(folder, by_user=False)
    assert (len(found.arm), found.units, found.left_out.crossed) == (2, 2, 0)


def test_a_covariate_is_a_column_of_numbers_and_unknown_where_there_is_none(
    folder: Folder,
) -> None:
    log = folder.log()
    decided(log, "r-1", "ann")
    on_disk(log)
    for column, value in (("temp", 20.5), ("city", np.nan), ("unheard-of", np.nan)):
        covariate = read(folder, column).covariate
        assert covariate is not None
        np.testing.assert_equal(covariate, [value])


@pytest.mark.parametrize("converted", [True, False])
def test_a_log_that_has_nothing_of_the_experiment_is_read_too(
    folder: Folder, converted: bool
) -> None:
    assert read(folder).units == 0
    log = folder.log()
    rewarded(log, Reward("r-1", 1.0, MODEL))
    on_disk(log)
    if converted:
        folder.converted()
    found = read(folder)
    assert (found.units, found.rewards["reward"].unknown) == (0, 1)


def test_the_log_says_before_what_the_control_is_like(folder: Folder) -> None:
    log = folder.log()
    for number in range(40):
        logged(log, an_ask(f"r-{number}", key=f"user-{number}"), version="1.0.0")
        rewarded(log, Reward(f"r-{number}", float(number % 2), MODEL))
    logged(log, an_ask("other", key="user-99"), version="1.1.0")
    rewarded(log, Reward("other", 1_000.0, MODEL))
    on_disk(log)
    told = before(folder.root, MODEL, a_design(), "1.0.0", 24.0)
    assert (told.source, told.users, told.mean) == ("log", 40, 0.5)
    assert told.standard_deviation == pytest.approx(0.5063, abs=1e-3)
    assert told.traffic_per_day == 41
    assert before(folder.root, MODEL, a_design(), "9.9.9", 24.0).source == ""


def test_a_bandit_begins_with_what_the_log_says_of_its_arms(folder: Folder) -> None:
    log = folder.log()
    for number in range(30):
        version = ("1.0.0", "1.1.0", "1.2.0")[number % 3]
        logged(log, an_ask(f"r-{number}"), version=version)
        rewarded(log, Reward(f"r-{number}", float(version == "1.1.0"), MODEL))
    logged(log, an_ask("named"), version="1.1.0", policy="named")
    rewarded(log, Reward("named", 1.0, MODEL))
    on_disk(log)
    design = a_design(policy={"kind": "thompson"})
    state, observations = learnt_before(folder.root, MODEL, design, 24.0)
    assert observations == 20  # those of the third version are of no arm
    choice = design.policy.chooser(state).propensities({})
    assert choice["1.1.0"] > 0.95
