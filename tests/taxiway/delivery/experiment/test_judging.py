"""What an experiment has shown, from numbers whose truth is known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from taxiway.delivery.evidence.measured import Measured, latency_bucket, score_bucket
from taxiway.delivery.experiment.judging.recommend import decide
from taxiway.delivery.experiment.judging.report import report
from taxiway.delivery.experiment.judging.requests import sums_by_arm
from taxiway.delivery.experiment_section import ExperimentMetric
from tests.taxiway.delivery.experiment.trials import (
    a_design,
    a_trial,
    found,
    recommended,
    rewards,
)

SEED = 20_261_127


def bought(count: int, share: float) -> np.ndarray:
    """So many users, of whom exactly that share bought."""
    values = np.zeros(count)
    values[: round(count * share)] = 1.0
    return values


def test_a_better_version_is_shipped_with_its_effect_within_the_bounds() -> None:
    trial = a_trial([bought(2_000, 0.2), bought(2_000, 0.4)])
    seen = found(a_design(), trial)
    (effect,) = seen.comparisons
    assert effect.effect.estimate == pytest.approx(0.2)
    assert 0 < effect.effect.lower < 0.2 < effect.effect.upper
    told = decide(seen)
    assert (told.action, told.version) == ("ship", "1.1.0")
    assert told.reason.startswith("1.1.0 is better than 1.0.0 by +0.2 (+0.1")


def test_where_less_is_better_less_is_shipped() -> None:
    metric = {"name": "reward", "effect": 0.1, "goal": "decrease"}
    trial = a_trial([bought(2_000, 0.4), bought(2_000, 0.2)])
    assert recommended(a_design(primary_metric=metric), trial).action == "ship"


@pytest.mark.parametrize(
    ("share", "reason"),
    [(0.2, "1.1.0 is worse than 1.0.0: -0.2"), (0.41, "not better than 1.0.0 by 0.1, which was")],
)
def test_the_control_is_kept_where_no_version_is_better_by_what_is_worth_it(
    share: float, reason: str
) -> None:
    told = recommended(a_design(), a_trial([bought(4_000, 0.4), bought(4_000, share)]))
    assert (told.action, told.version) == ("keep_control", "1.0.0")
    assert reason in told.reason


def test_what_is_open_goes_on_with_about_how_many_users_more() -> None:
    design = a_design()
    few = found(design, a_trial([bought(300, 0.4), bought(300, 0.45)]))
    told = decide(few)
    assert told.action == "keep_running"
    assert "neither surely better than 1.0.0 nor surely short of 0.1" in told.reason
    assert told.more_users is not None
    each = (600 + told.more_users) // 2
    later = recommended(design, a_trial([bought(each, 0.4), bought(each, 0.45)]))
    assert later.action in ("ship", "keep_control")


def test_nothing_is_recommended_too_early() -> None:
    good = [bought(90, 0.1), bought(90, 0.9)]
    told = recommended(a_design(), a_trial(good))
    assert (told.action, told.more_users) == ("keep_running", 20)
    assert "an arm has 90 users, and 100 are the fewest" in told.reason
    trial = a_trial([bought(900, 0.1), bought(900, 0.9)])
    told = recommended(a_design(minimum_days=7), trial, days=6.9)
    assert "it has run for 6.9 days, and minimum_days is 7" in told.reason


def test_44_000_users_against_45_000_are_withheld_with_the_reason_and_what_to_look_at() -> None:
    trial = a_trial([bought(44_000, 0.2), bought(45_000, 0.4)])
    measured = {"1.0.0": Measured(requests=45_000, errors=1_000)}
    seen = found(a_design(), trial, measured=measured)
    told = decide(seen)
    assert told.action == "withheld"
    assert "44,000 to 45,000 users, where 44,500 to 44,500 are expected" in told.reason
    assert told.look_at[0].startswith("1.0.0 fails 2.2% of its requests")
    kept = json.loads(json.dumps(report(seen, told), allow_nan=False))
    assert (kept["comparisons"], {arm["mean"] for arm in kept["arms"]}) == ([], {None})
    even = a_trial([bought(44_400, 0.2), bought(44_600, 0.4)])
    assert recommended(a_design(), even).action == "ship"


def test_weights_are_what_users_are_expected_by() -> None:
    arms = [{"version": "1.0.0", "weight": 90}, {"version": "1.1.0", "weight": 10}]
    fair = a_trial([bought(9_000, 0.2), bought(1_000, 0.4)])
    assert recommended(a_design(arms=arms), fair).action == "ship"
    assert recommended(a_design(), fair).action == "withheld"


def test_traffic_that_was_moved_by_hand_is_withheld() -> None:
    trial = a_trial([bought(900, 0.1), bought(900, 0.9)])
    told = recommended(a_design(), trial, moved="promote by ann at noon")
    assert (told.action, told.reason) == (
        "withheld",
        "traffic was moved since: promote by ann at noon",
    )


@pytest.mark.parametrize(
    ("slower", "action", "told"),
    [
        (0.0, "ship", "1.1.0 is better"),
        (20.0, "keep_control", "1.1.0 moves latency_ms by +20"),
        (5.0, "keep_running", "not known yet whether latency_ms holds its margin"),
    ],
)
def test_a_guardrail_that_is_not_held_forbids_to_ship(
    slower: float, action: str, told: str
) -> None:
    design = a_design(guardrails=[{"name": "latency_ms", "goal": "decrease", "margin": 5}])
    random = np.random.default_rng(SEED)
    latency = random.normal(50, 10, 2_000)
    trial = a_trial(
        [bought(2_000, 0.2), bought(2_000, 0.4)], latency_ms=[latency, latency + slower]
    )
    found_ = recommended(design, trial)
    assert (found_.action, told in found_.reason) == (action, True), found_.reason


@pytest.mark.parametrize(("failed", "state"), [(0, "held"), (40, "open"), (120, "broken")])
def test_events_that_are_rare_are_compared_exactly(failed: int, state: str) -> None:
    design = a_design(guardrails=[{"name": "fallback", "goal": "decrease", "margin": 0.02}])
    fell = [np.zeros(2_000, bool), np.arange(2_000) < failed]
    trial = a_trial([bought(2_000, 0.2), bought(2_000, 0.4)], fallback=fell)
    (one,) = found(design, trial).of("guardrail", "1.1.0")
    assert one.guard == state
    assert one.effect.lower <= failed / 2_000 <= one.effect.upper
    assert recommended(design, trial).action == {"held": "ship", "open": "keep_running"}.get(
        state, "keep_control"
    )


def test_of_several_arms_the_best_that_breaks_no_guardrail_is_shipped() -> None:
    design = a_design(4, guardrails=[{"name": "fallback", "goal": "decrease", "margin": 0.05}])
    fails = [np.arange(2_000) < count for count in (20, 20, 20, 800)]
    trial = a_trial([bought(2_000, share) for share in (0.2, 0.4, 0.3, 0.9)], fallback=fails)
    told = recommended(design, trial)
    assert (told.action, told.version) == ("ship", "1.1.0")
    assert {one.alpha for one in found(design, trial).comparisons} == {0.05 / 3}
    alone = found(a_design(), a_trial([bought(2_000, 0.2), bought(2_000, 0.4)])).comparisons[0]
    beside = found(design, trial).of("primary", "1.1.0")[0]
    assert beside.effect.lower < alone.effect.lower


def test_secondary_metrics_are_corrected_and_decide_nothing() -> None:
    design = a_design(secondary_metrics=[{"name": "clicks"}, {"name": "stars"}])
    random = np.random.default_rng(SEED)
    further = {
        "clicks": [random.normal(0, 1, 2_000), random.normal(0.12, 1, 2_000)],
        "stars": [random.normal(0, 1, 2_000), random.normal(9, 1, 2_000)],
    }
    same = [bought(2_000, 0.4), bought(2_000, 0.4)]
    seen = found(design, a_trial(same, further=further))
    clicks, stars = seen.of("secondary", "1.1.0")
    assert clicks.p_value >= clicks.effect.p_value
    assert stars.p_value == pytest.approx(2 * stars.effect.p_value)
    assert decide(seen).action == "keep_control"


def test_a_covariate_that_goes_with_the_metric_narrows_the_bounds_and_keeps_the_effect() -> None:
    random = np.random.default_rng(SEED)
    before = [random.normal(10, 3, 3_000) for _ in range(2)]
    values = [
        one + random.normal(effect, 1, 3_000) for one, effect in zip(before, (0, 0.3), strict=True)
    ]
    before[0][:300] = np.nan  # not known of everyone
    plain = found(a_design(), a_trial(values)).comparisons[0].effect
    (with_it,) = found(a_design(covariate="spent"), a_trial(values, covariate=before)).comparisons
    assert with_it.variance_left < 0.4
    width = with_it.effect.upper - with_it.effect.lower
    assert width < 0.65 * (plain.upper - plain.lower)
    assert with_it.effect.lower < 0.3 < with_it.effect.upper


def test_users_vary_not_requests_so_bounds_are_as_wide_as_the_mean_really_varies() -> None:
    random = np.random.default_rng(SEED)
    metric = ExperimentMetric(name="reward")
    means, errors = [], []
    for _ in range(300):
        counts = random.integers(1, 9, 400)
        taste = random.normal(1, 1, 400) + counts / 4  # who asks often likes it more
        of_user = np.repeat(np.arange(400), counts)
        values = taste[of_user] + random.normal(0, 0.1, len(of_user))
        trial = a_trial([values], requests_of=[of_user])
        (sums,) = sums_by_arm(trial, metric, 1)
        means.append(sums.y / sums.count)
        assert means[-1] == pytest.approx(values.mean())
        errors.append(np.sqrt((sums.yy / sums.count - means[-1] ** 2) / sums.count))
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.12)
    naive = values.std() / np.sqrt(len(values))
    assert np.mean(errors) > 1.5 * naive


def test_a_users_total_has_a_reward_by_key_once_and_those_without_any_as_zero() -> None:
    metric = ExperimentMetric(name="reward", per="user")
    of_user = np.array([0, 0, 0, 1, 2])
    trial = a_trial([np.array([5.0, 5.0, 2.0, np.nan, 1.0])], requests_of=[of_user])
    values = trial.rewards["reward"].values
    by_key = rewards(values, np.array([7, 7, 3, -1, 4]))  # 5.0 is one reward of two requests
    trial = type(trial)(**{**vars(trial), "rewards": {"reward": by_key}})
    (sums,) = sums_by_arm(trial, metric, 1)
    assert (sums.count, sums.y, sums.yy) == (3, 7.0 + 0.0 + 1.0, 49.0 + 0.0 + 1.0)


def test_rewards_of_fallbacks_are_left_out_and_others_missing_are_as_the_metric_says() -> None:
    values = np.array([1.0, np.nan, 1.0, 0.0])
    fell = np.array([False, False, True, False])
    trial = a_trial([values], fallback=[fell])
    left_out, zero = (
        sums_by_arm(trial, ExperimentMetric(name="reward", missing=how), 1)[0]
        for how in ("left_out", "zero")
    )
    assert (left_out.count, left_out.y) == (2, 1.0)
    assert (zero.count, zero.y) == (3, 1.0)
    failed = sums_by_arm(trial, ExperimentMetric(name="fallback"), 1)[0]
    assert (failed.count, failed.y) == (4, 1.0)


def test_model_metrics_stand_beside_business_metrics() -> None:
    latency = {latency_bucket(0.005): 98, latency_bucket(0.5): 2}
    scores = {score_bucket(0.25): 50, score_bucket(0.75): 50}
    measured = Measured(200, 4, 100, 1, latency, scores)
    trial = a_trial([bought(200, 0.2), bought(200, 0.4)])
    arm = found(a_design(), trial, measured={"1.1.0": measured}).arms[1]
    assert (arm.mean, arm.model.error_rate, arm.model.nan_rate) == (0.4, 0.02, 0.01)
    assert arm.model.latency_p50_ms == pytest.approx(5, rel=0.11)
    assert arm.model.latency_p99_ms == pytest.approx(500, rel=0.11)
    assert arm.model.score == pytest.approx(0.5, abs=0.01)


def test_a_bandit_has_a_regret_and_no_effects() -> None:
    design = a_design(policy={"kind": "thompson"})
    trial = a_trial([bought(200, 0.2), bought(1_800, 0.4)])
    seen = found(design, trial)
    assert (seen.comparisons, seen.sample_ratio) == ([], None)
    assert seen.regret is not None
    assert seen.regret.best == "1.1.0"
    assert seen.regret.low <= seen.regret.estimate <= seen.regret.high
    assert seen.regret.estimate == pytest.approx(200 * 0.2, rel=0.3)
    told = decide(seen)
    assert told.action == "keep_running"
    assert "1.1.0 had 90% of the requests so far" in told.reason


def test_an_experiment_without_requests_says_so() -> None:
    seen = found(a_design(), a_trial([np.empty(0), np.empty(0)]))
    told = decide(seen)
    assert (told.action, told.more_users) == ("keep_running", 200)
    kept = json.dumps(report(seen, told), allow_nan=False)
    assert json.loads(kept)["counts"]["took_part"] == 0
