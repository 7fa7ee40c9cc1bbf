"""The Open Bandit Dataset (small), whose answers are published: ZOZO's log, read from obp's wheel.

Saito, Aihara, Matsutani and Narita, Open Bandit Dataset and Pipeline (2021). On 10,000 decisions of
the uniform policy, campaign `all`, obp's own example estimates Bernoulli Thompson sampling by IPS
at 0.004553; the log of that policy itself has 0.0042. The package is neither installed nor
imported, and its data stays in the folder of the test.
"""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import yaml

from taxiway.delivery.off_policy.evaluate import evaluate
from taxiway.delivery.off_policy.logged import Floats, Logged

pytestmark = pytest.mark.one_stack

ROOT = Path(__file__).parents[4]
WHEEL = (
    "obp==0.4.1 --hash=sha256:87dec9caf4283c25ab13036532e0a24566f1c7bdcad1653a8ded43b2f5ef8208\n"
)
PUBLISHED = 0.004553
ITEMS = 80
DRAWS = 100_000
COLUMNS = ["item_id", "position", "click", "propensity_score"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel, by its digest."""
    own = ROOT / ".uv" / "bin" / "pip"
    pip = str(own) if own.is_file() else shutil.which("pip")
    if pip is None:
        pytest.skip("there is no pip")
    folder = tmp_path_factory.mktemp("obp")
    (folder / "wanted.txt").write_text(WHEEL)
    words = ("download", "--no-deps", "--only-binary=:all:", "--require-hashes", "--quiet")
    bounds = ("--retries", "0", "--timeout", "15", "--disable-pip-version-check")
    done = subprocess.run(
        [pip, *words, *bounds, "--dest", str(folder), "-r", str(folder / "wanted.txt")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "No matching distribution" in done.stderr:
        pytest.skip("no registry has obp here")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(folder.glob("obp-*.whl"))) as opened:
        yield opened


def rows_of(wheel: zipfile.ZipFile, policy: str) -> Any:
    """Decisions of one of the two policies."""
    data = wheel.read(f"obp/dataset/obd/{policy}/all/all.csv")
    wanted = pa.csv.ConvertOptions(include_columns=COLUMNS)
    return pa.csv.read_csv(pa.BufferReader(data), convert_options=wanted)


def logged_by(wheel: zipfile.ZipFile, policy: str) -> tuple[Logged, Any]:
    """Decisions, and the position of each in a list of three."""
    table = rows_of(wheel, policy)
    item, position, click, propensity = (table.column(name).to_numpy() for name in COLUMNS)
    logged = Logged(
        arms=tuple(map(str, range(ITEMS))),
        chosen=item,
        propensities=propensity,
        rewards=click.astype(np.float64),
        units=np.arange(len(item)),
        columns={"position": [str(one) for one in position]},
    )
    return logged, position - 1


def thompson(wheel: zipfile.ZipFile) -> Floats:
    """(80, 3) how often the policy has an item at a position, by obp's seed and number of draws."""
    prior = yaml.safe_load(wheel.read("obp/policy/conf/prior_bts.yaml"))["all"]
    random = np.random.RandomState(12345)
    counts = np.zeros((ITEMS, 3))
    for _ in range(20):
        drawn = random.beta(prior["alpha"], prior["beta"], size=(DRAWS // 20, ITEMS))
        order = np.argsort(-drawn, axis=1)[:, :3]
        for place in range(3):
            counts[:, place] += np.bincount(order[:, place], minlength=ITEMS)
    return counts / DRAWS


def test_the_published_estimate_of_thompson_sampling_is_found(wheel: zipfile.ZipFile) -> None:
    logged, position = logged_by(wheel, "random")
    assert (logged.rows, int(logged.rewards.sum())) == (10_000, 38)
    targets = thompson(wheel)[:, position].T
    found = evaluate(logged, targets)
    assert found.refusals == ()
    ips, snips = found.estimates[:2]
    assert round(ips.value, 6) == PUBLISHED
    own, _ = logged_by(wheel, "bts")
    for one in found.estimates:
        assert one.lower < own.rewards.mean() == 0.0042 < one.upper
        assert one.lower < PUBLISHED < one.upper
    assert snips.value == pytest.approx(ips.value / found.mean_weight)
    assert found.effective_sample_size == pytest.approx(1_640, abs=1)


def test_the_other_way_around_the_uniform_policy_is_found_in_its_log(
    wheel: zipfile.ZipFile,
) -> None:
    logged, _ = logged_by(wheel, "bts")
    found = evaluate(logged, np.full((logged.rows, ITEMS), 1 / ITEMS))
    assert found.refusals == ()
    own, _ = logged_by(wheel, "random")
    assert own.rewards.mean() == 0.0038
    for one in found.estimates:
        assert one.lower < 0.0038 < one.upper
