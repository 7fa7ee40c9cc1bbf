"""`taxiway experiment replay`: estimates from a log that gateways wrote, or why there are none."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.cli.experiment.policy_file import read_policy
from taxiway.delivery.experiment import records
from taxiway.delivery.experiment_section import Experiment
from taxiway.serving.decisions.record import Reward
from tests.conftest import REPOSITORY
from tests.taxiway.cli.conftest import Desk
from tests.taxiway.serving.decisions.conftest import Folder, an_ask, logged, rewarded

DECISIONS = 400
RATES = {"1.0.0": 0.2, "1.1.0": 0.6}
HALF = dict.fromkeys(RATES, 0.5)
BETTER = "{kind: weights, weights: {1.1.0: 100}}"

Written = Callable[..., Folder]


@pytest.fixture
def written(desk: Desk) -> Written:
    """Writes 400 decisions between two versions by a coin, the second of which earns more."""

    def write(without: int = 0, scale: float = 1.0, name: str = "reward", **said: Any) -> Folder:
        folder = Folder(desk.root / "decisions")
        log = folder.log()
        rng = np.random.default_rng(11)
        for number in range(DECISIONS):
            version = ("1.0.0", "1.1.0")[rng.integers(0, 2)]
            value = scale * float(rng.random() < RATES[version])
            columns = {"person": [f"p-{number}"], "temp": [20.0 + number % 7]}
            asked = an_ask(f"r-{number}", model="tiny", key=f"p-{number}", columns=columns)
            answer = {"version": version, "arm": version, "propensity": 0.5, "policy": "weights"}
            logged(log, asked, took=0, **(answer | {"propensities": HALF, "revision": 2} | said))
            if number >= without:
                rewarded(log, Reward(f"r-{number}", value, "tiny", name))
        folder.converted()
        return folder

    return write


@pytest.fixture
def policy(tmp_path: Path) -> Callable[[str], str]:
    """Writes a policy's file."""

    def write(text: str) -> str:
        path = tmp_path / "policy.yaml"
        path.write_text(text)
        return str(path)

    return write


Policy = Callable[[str], str]


def test_a_split_is_valued_beside_what_was_logged(
    desk: Desk, written: Written, policy: Policy
) -> None:
    written()
    done = desk("experiment", "replay", "--policy", policy(BETTER))
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "weights on decisions of tiny, by reward"
    assert lines[1] == "400 of 400 decisions used"
    assert [line.split()[0] for line in lines[3:8]] == ["what", "IPS", "SNIPS", "DM", "DR"]
    assert "effective sample size" in lines[8]
    assert "taught" not in done.out
    assert lines[-1] == "by DR it would have earned more than what was logged"


def test_json_has_every_number(desk: Desk, written: Written, policy: Policy) -> None:
    written()
    found = desk.json("experiment", "replay", "--policy", policy(BETTER))
    assert found["counts"]["used"] == DECISIONS
    assert found["policy"]["kind"] == "weights"
    evaluation = found["evaluation"]
    assert [one["name"] for one in evaluation["estimates"]] == ["ips", "snips", "dm", "dr"]
    for one in evaluation["estimates"]:
        assert one["lower"] < 0.6 < one["upper"]
        assert one["difference_lower"] > 0
    assert evaluation["units"] == DECISIONS
    assert evaluation["refusals"] == []


def test_a_policy_that_learns_is_valued_by_what_it_knew_before_each_decision(
    desk: Desk, written: Written, policy: Policy
) -> None:
    written()
    done = desk("experiment", "replay", "--policy", policy("kind: thompson"))
    assert done.code == 0, done.err
    assert "it chose each decision by what those before had taught it, 1 at a time" in done.out
    found = desk.json("experiment", "replay", "--policy", policy("kind: thompson"))
    best = desk.json("experiment", "replay", "--policy", policy(BETTER))
    values = [one["evaluation"]["estimates"][3]["value"] for one in (found, best)]
    assert values[1] - 0.1 < values[0] < values[1]  # it had to find out


def test_a_version_that_the_log_never_chose_is_refused_with_the_reason(
    desk: Desk, written: Written, policy: Policy
) -> None:
    written()
    file = policy("{kind: weights, weights: {1.1.0: 90, 2.0.0: 10}}")
    done = desk("experiment", "replay", "--policy", file)
    assert done.code == 1
    assert "refused: no support: in 400 of 400 decisions the policy may choose 2.0.0" in done.err
    assert "IPS" not in done.out
    told = desk("experiment", "replay", "--policy", file, "--json")
    assert told.code == 1
    assert '"estimates": []' in told.out


def test_a_log_without_chance_is_refused(desk: Desk, written: Written, policy: Policy) -> None:
    certain = {"version": "1.0.0", "arm": "stable", "propensity": 1.0, "policy": "single"}
    written(**certain, propensities={"1.0.0": 1.0})
    done = desk("experiment", "replay", "--policy", policy(BETTER))
    assert done.code == 1
    assert "every decision of the log was certain" in done.err


def test_rewards_that_are_missing_are_refused_until_it_is_said_what_they_mean(
    desk: Desk, written: Written, policy: Policy
) -> None:
    written(without=30)
    words = ("experiment", "replay", "--policy", policy(BETTER))
    done = desk(*words)
    assert done.code == 1
    assert "30 of 400 decisions have no reward 'reward': --missing zero" in done.err
    assert "IPS" not in done.out
    assert (
        "370 of 400 decisions used; left out: 30 without a reward"
        in desk(*words, "--missing", "left_out").out
    )
    assert "400 of 400 decisions used, 30 of them as 0" in desk(*words, "--missing", "zero").out
    wrong = desk(*words, "--missing", "null")
    assert wrong.code == 2
    assert "expected refuse, left_out, zero" in wrong.err


def test_a_log_without_any_reward_of_the_name_is_refused(
    desk: Desk, written: Written, policy: Policy
) -> None:
    written()
    done = desk("experiment", "replay", "--policy", policy(BETTER), "--reward", "profit")
    assert done.code == 1
    assert "400 of 400 decisions have no reward 'profit'" in done.err


def test_a_model_that_the_log_has_not_is_told(desk: Desk, written: Written, policy: Policy) -> None:
    written()
    done = desk("experiment", "replay", "--policy", policy(BETTER), "--model", "tinny")
    assert done.code == 2
    assert "the log has no model 'tinny'; did you mean 'tiny'?" in done.err


def test_an_empty_log_is_refused(desk: Desk, policy: Policy) -> None:
    done = desk("experiment", "replay", "--policy", policy(BETTER))
    assert done.code == 1
    assert "no decision is left to evaluate by" in done.err


def test_rewards_that_the_policy_cannot_learn_from_are_told(
    desk: Desk, written: Written, policy: Policy
) -> None:
    written(scale=7.0)
    done = desk("experiment", "replay", "--policy", policy("kind: thompson"))
    assert done.code == 1
    assert "`reward: gaussian`" in done.err


def test_only_the_time_that_is_asked_for_counts(
    desk: Desk, written: Written, policy: Policy
) -> None:
    written()
    done = desk("experiment", "replay", "--policy", policy(BETTER), "--until", "2020-01-01")
    assert "0 of 0 decisions used" in done.out
    done = desk("experiment", "replay", "--policy", policy(BETTER), "--since", "1d")
    assert "400 of 400 decisions used" in done.out


def test_an_experiment_says_whose_decisions_which_reward_and_what_is_missing(
    desk: Desk, written: Written, policy: Policy
) -> None:
    experiment = Experiment.model_validate(
        {
            "name": "checkout",
            "arms": [{"version": "1.0.0"}, {"version": "1.1.0"}],
            "primary_metric": {"name": "profit", "effect": 0.1, "missing": "zero"},
        }
    )
    with desk.database.working() as connection:
        made = records.add(connection, "tiny", "", experiment, {}, "ann")
        records.set_first_revision(connection, made, 2)
    folder = written(without=30, name="profit")
    late = {"version": "1.0.0", "propensity": 0.5, "policy": "weights"}
    logged(folder.log(), an_ask("before", model="tiny"), **late, revision=1)
    logged(folder.log(), an_ask("other", model="tiny"), **(late | {"version": "0.9.0"}), revision=2)
    folder.converted()
    words = ("experiment", "replay", "--policy", policy(BETTER), "--experiment")
    done = desk(*words, "checkout")
    assert done.code == 0, done.err
    assert "weights on decisions of tiny, by profit" in done.out
    assert "400 of 401 decisions used, 30 of them as 0; left out: 1 of other versions" in done.out
    wrong = desk(*words, "chekout")
    assert wrong.code == 1
    assert "did you mean 'checkout'" in wrong.err
    with desk.database.working() as connection:
        records.end(connection, made, {}, "enough")
    logged(folder.log(), an_ask("after", model="tiny"), took=0, **late, revision=2)
    folder.converted()
    assert "400 of 401" in desk(*words, "checkout").out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind: tompson", "unknown kind 'tompson'; did you mean 'thompson'? (known: weights, "),
        ("floor: 0.1", "no kind (known: weights, "),
        ("{kind: thompson, flor: 0.1}", "flor: unknown key; did you mean 'floor'? (known: kind"),
        ("{kind: thompson, floor: 0.9}", "floor: input should be less than or equal to 0.5"),
        ("[thompson]", "holds no mapping"),
        ("kind: [", "is not YAML"),
    ],
)
def test_a_file_that_is_no_policy_is_told(desk: Desk, policy: Policy, text: str, told: str) -> None:
    done = desk("experiment", "replay", "--policy", policy(text))
    assert done.code == 2
    assert told in done.err
    assert "edit: " in done.err


def test_a_file_that_is_not_there_is_told(desk: Desk) -> None:
    done = desk("experiment", "replay", "--policy", "/nowhere/policy.yaml")
    assert done.code == 2
    assert "/nowhere/policy.yaml cannot be read" in done.err


def test_it_loads_no_tensorflow(desk: Desk, written: Written, policy: Policy) -> None:
    written()
    words = ["experiment", "replay", "--policy", policy(BETTER), *desk.options]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "taxiway", *words],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "numpy" in loaded
    assert loaded.isdisjoint({"tensorflow", "tfx", "apache_beam", "ml_metadata", "sklearn"})


def test_the_policies_of_the_page_are_policies(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "how-to" / "evaluate-a-policy-offline.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    kinds = []
    for block in blocks:
        path = tmp_path / "policy.yaml"
        path.write_text(block)
        kinds.append(read_policy(path).kind)
    assert kinds == ["weights", "lin_ucb"]
