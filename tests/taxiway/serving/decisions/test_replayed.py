"""What of the log other policies are evaluated by, and what is left out, each once and for why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from taxiway.delivery.off_policy.logged import Logged
from taxiway.errors import TaxiwayError
from taxiway.serving.decisions.record import Reward
from taxiway.serving.decisions.rewards import replayed
from taxiway.serving.decisions.rewards.joined import joined
from taxiway.serving.decisions.rewards.replayed import Counts, Wanted, replayable
from tests.taxiway.serving.decisions.conftest import MODEL, Folder, an_ask, logged, rewarded

HALF = {"1.0.0": 0.5, "1.1.0": 0.5}


def split(version: str = "1.0.0", **changes: Any) -> dict[str, Any]:
    """An answer of a version that had half of the traffic."""
    given = {"version": version, "arm": version, "propensity": 0.5, "propensities": HALF}
    return given | {"policy": "weights", "revision": 3} | changes


def read(folder: Folder, *more_arms: str, **wanted: Any) -> tuple[Logged, Counts]:
    folder.converted()
    return replayable(joined(folder.root, MODEL).table, Wanted(**wanted), more_arms)


def a_log(folder: Folder) -> None:
    """Four decisions that count, two of them ann's, and one of each other sort."""
    log = folder.log()
    logged(log, an_ask("r-1", key="ann"), an_ask("r-2", rows=3, key="ann"), **split())
    logged(log, an_ask("r-3", key=""), an_ask("r-4", key=""), **split("1.1.0"))
    logged(log, an_ask("named", version="1.1.0"), **split(policy="named"))
    logged(log, an_ask("by-hand"), **split(policy="override"))
    logged(log, an_ask("outside"), **split(policy="audience", propensity=1.0))
    logged(log, an_ask("fell"), **split(fallback=True, chosen="1.1.0"))
    logged(log, an_ask("none"), **split(propensity=0.0))
    logged(log, an_ask("too-new"), **split())
    names = ("r-1", "r-2", "r-3", "r-4", "named", "by-hand", "outside", "fell", "none")
    rewarded(log, *(Reward(name, float(place), MODEL) for place, name in enumerate(names)))


def test_each_decision_is_used_or_left_out_for_one_reason(folder: Folder) -> None:
    a_log(folder)
    found, counts = read(folder)
    assert counts == Counts(
        decisions=10,
        named=2,
        outside_audience=1,
        other_versions=0,
        fallbacks=1,
        without_propensity=1,
        without_reward=1,
        used=4,
    )
    assert counts.decisions == counts.used + sum(counts.left_out.values())
    assert found.rows == 4


def test_a_decision_has_its_version_propensity_reward_and_columns(folder: Folder) -> None:
    a_log(folder)
    found, _ = read(folder)
    assert found.arms == ("1.0.0", "1.1.0")
    assert found.chosen.tolist() == [0, 0, 1, 1]
    assert found.propensities.tolist() == [0.5] * 4
    assert found.rewards.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert found.possible is not None
    assert (found.possible == 0.5).all()
    assert set(found.columns) == {"city", "temp", "seats", "person"}
    assert found.context(2, ["city", "seats", "height"]) == {"city": "Kyiv", "seats": 3}


def test_decisions_of_one_person_are_one_unit_and_those_of_nobody_are_alone(
    folder: Folder,
) -> None:
    a_log(folder)
    assert read(folder)[0].units.tolist() == [0, 0, 1, 2]


def test_decisions_are_in_the_order_of_time_whichever_file_they_are_in(folder: Folder) -> None:
    a_log(folder)
    folder.converted()
    table = joined(folder.root, MODEL).table
    backwards = table.take(pa.array(range(table.num_rows - 1, -1, -1)))
    assert replayable(backwards, Wanted())[0].rewards.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_a_decision_without_a_reward_may_count_as_zero(folder: Folder) -> None:
    a_log(folder)
    found, counts = read(folder, missing="zero")
    assert (counts.used, counts.without_reward, counts.counted_as_zero) == (5, 0, 1)
    assert found.rewards.tolist() == [0.0, 1.0, 2.0, 3.0, 0.0]


def test_only_the_time_the_revision_and_the_versions_that_are_wanted_count(
    folder: Folder,
) -> None:
    log = folder.log()
    logged(log, an_ask("r-1"), **split(revision=2))
    logged(log, an_ask("r-2"), **split())
    logged(log, an_ask("r-3"), **split("0.9.0"))
    rewarded(log, *(Reward(f"r-{number}", 1.0, MODEL) for number in (1, 2, 3)))
    _, counts = read(folder, first_revision=3, versions=("1.0.0", "1.1.0"))
    assert (counts.decisions, counts.other_versions, counts.used) == (2, 1, 1)
    table = joined(folder.root, MODEL).table
    times = sorted(table.column("_taxiway_time").cast(pa.int64()).to_pylist())
    assert replayable(table, Wanted(since_us=times[1]))[1].used == 2
    assert replayable(table, Wanted(until_us=times[1]))[1].used == 1
    assert replayable(table, Wanted(since_us=times[2] + 1))[1].decisions == 0


def test_an_arm_that_only_a_policy_names_is_one_that_the_log_could_not_have_chosen(
    folder: Folder,
) -> None:
    a_log(folder)
    found, _ = read(folder, "2.0.0")
    assert found.arms == ("1.0.0", "1.1.0", "2.0.0")
    assert found.impossible[:, 2].all()
    assert not found.impossible[:, :2].any()


def test_a_version_that_had_no_share_then_could_not_be_chosen_then(folder: Folder) -> None:
    log = folder.log()
    logged(log, an_ask("r-1"), **split(propensity=1.0, propensities={"1.0.0": 1.0}))
    logged(log, an_ask("r-2"), **split())
    rewarded(log, Reward("r-1", 1.0, MODEL), Reward("r-2", 1.0, MODEL))
    assert read(folder)[0].impossible.tolist() == [[False, True], [False, False]]


def test_a_log_of_an_older_release_does_not_say_what_else_was_possible(folder: Folder) -> None:
    log = folder.log()
    logged(log, an_ask("r-1"), **split(propensities={}))
    rewarded(log, Reward("r-1", 1.0, MODEL))
    folder.converted()
    table = joined(folder.root, MODEL).table
    assert replayable(table, Wanted())[0].possible is None
    older = table.drop(["_taxiway_propensities", "_taxiway_revision"])
    assert replayable(older, Wanted(first_revision=3))[1].used == 1
    assert np.isnan(read_with_both(folder)).tolist() == [[True, True], [False, False]]


def read_with_both(folder: Folder) -> Any:
    """What was possible in a log of which only later decisions say so."""
    log = folder.log()
    logged(log, an_ask("r-2"), **split())
    rewarded(log, Reward("r-2", 1.0, MODEL))
    return read(folder)[0].possible


def test_a_log_of_nothing_is_no_decision(folder: Folder) -> None:
    found, counts = read(folder)
    assert (found.rows, counts.decisions, counts.used) == (0, 0, 0)


def test_more_decisions_than_fit_are_refused(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replayed, "MOST", 3)
    a_log(folder)
    with pytest.raises(TaxiwayError, match="4 decisions, expected 3 at most"):
        read(folder)
