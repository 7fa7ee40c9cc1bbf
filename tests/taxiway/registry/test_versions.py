"""Model versions and the deploy queue, on real databases and with real processes."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.registry.deploy_queue import DeployQueue
from taxiway.registry.versions import (
    Candidate,
    ModelVersion,
    find_version,
    list_versions,
    next_number,
    register,
)
from tests.conftest import REPOSITORY


def candidate(
    model: str = "m1", contract: str = "c1", pipeline: str = "p1", name: str = "parcels"
) -> Candidate:
    return Candidate(name, "run", model, contract, pipeline, "/serving/1", {"auc": 0.7})


def test_the_first_version_is_1_0_0(tmp_path: Path) -> None:
    assert register(tmp_path / "r.sqlite", candidate()).name == "1.0.0"


@pytest.mark.parametrize(
    ("second", "number"),
    [
        (candidate("m2"), (3, 5, 2)),
        (candidate("m2", pipeline="p2"), (3, 5, 3)),
        (candidate("m2", contract="c2"), (4, 0, 0)),
        (candidate("m2", contract="c2", pipeline="p2"), (4, 0, 0)),
    ],
    ids=["retrained", "pipeline changed", "contract changed", "both changed"],
)
def test_what_changed_decides_which_part_rises(
    second: Candidate, number: tuple[int, int, int]
) -> None:
    assert next_number(ModelVersion((3, 4, 2), candidate(), ""), second) == number


def test_the_same_model_keeps_its_version(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    first = register(path, candidate())
    assert register(path, candidate(pipeline="p9")) == first
    assert list_versions(path, "parcels") == [first]


def test_a_model_that_is_pushed_again_keeps_its_version_and_has_its_newest_place(
    tmp_path: Path,
) -> None:
    path = tmp_path / "r.sqlite"
    first = register(path, candidate())
    register(path, candidate("m2"))
    again = register(path, dataclasses.replace(candidate(), run_id="later", pushed_to="/serving/3"))
    assert (again.name, again.candidate.run_id) == ("1.0.0", "run")
    assert again.candidate.pushed_to == "/serving/3"
    assert find_version(path, "parcels", "m1") == again != first
    assert find_version(path, "parcels", "m3") is None
    assert find_version(path, "trains", "m1") is None


OLDER = """
CREATE TABLE model_versions (
  id INTEGER PRIMARY KEY, model TEXT NOT NULL, major INTEGER NOT NULL, minor INTEGER NOT NULL,
  pipeline INTEGER NOT NULL, run_id TEXT NOT NULL, model_digest TEXT NOT NULL,
  contract_digest TEXT NOT NULL, pipeline_digest TEXT NOT NULL, pushed_to TEXT NOT NULL,
  metrics TEXT NOT NULL,
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  UNIQUE (model, major, minor, pipeline), UNIQUE (model, model_digest)
);
CREATE TABLE deploy_queue (
  id INTEGER PRIMARY KEY, model TEXT NOT NULL, version TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'taken', 'done')),
  taken_by TEXT, lease_until REAL, takes INTEGER NOT NULL DEFAULT 0, UNIQUE (model, version)
);
INSERT INTO model_versions (model, major, minor, pipeline, run_id, model_digest, contract_digest,
  pipeline_digest, pushed_to, metrics)
  VALUES ('parcels', 1, 0, 0, 'run', 'm1', 'c1', 'p1', '/s', '{}');
INSERT INTO deploy_queue (model, version, state, takes) VALUES ('parcels', '1.0.0', 'done', 1);
INSERT INTO deploy_queue (model, version) VALUES ('parcels', '1.1.0');
"""


def test_a_file_of_an_older_release_is_brought_up_to_date_with_all_that_is_in_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "r.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLDER)
    assert [version.name for version in list_versions(path, "parcels")] == ["1.0.0"]
    queue = DeployQueue(path, 60)
    assert queue.waiting() == 1
    assert queue.put("parcels", "1.0.0", "/serving/3")
    taken = [queue.take("deployer") for _ in range(3)]
    assert [(one.version, one.pushed_to) for one in taken if one] == [
        ("1.1.0", ""),
        ("1.0.0", "/serving/3"),
    ]


def test_a_file_of_a_newer_release_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    register(path, candidate())
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 9")
    before = path.read_bytes()
    with pytest.raises(ConfigError) as refused:
        register(path, candidate("m2"))
    assert refused.value.message == (
        f"the registry {path} is of a newer Taxiway: its tables are those of version 9, and this "
        "release knows them up to 1"
    )
    assert refused.value.edit == "registry.path, or upgrade Taxiway"
    assert path.read_bytes() == before


def test_models_are_numbered_apart(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    register(path, candidate())
    assert register(path, candidate("m2", name="trains")).name == "1.0.0"


def test_metrics_and_digests_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    register(path, candidate())
    assert list_versions(path, "parcels")[0].candidate == candidate()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    path.write_text("this is not a database, but it is long enough to look at " * 20)
    with pytest.raises(TaxiwayError, match="registry"):
        register(path, candidate())


REGISTER = """
import sys
from taxiway.registry.deploy_queue import DeployQueue
from taxiway.registry.versions import Candidate, register
path, first = sys.argv[1], int(sys.argv[2])
for index in range(first, first + 20):
    register(path, Candidate("parcels", "run", f"m{index}", "c1", "p1", "/serving/1", {}))
    DeployQueue(path, 60).put("parcels", "1.0.0", "/serving/1")
"""


def test_processes_that_register_at_once_never_share_a_number(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    workers = [
        subprocess.Popen([sys.executable, "-c", REGISTER, str(path), start], cwd=REPOSITORY)
        for start in ("0", "100")
    ]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    names = [version.name for version in list_versions(path, "parcels")]
    assert sorted(names) == sorted({f"1.{minor}.0" for minor in range(40)})
    assert DeployQueue(path, 60).waiting() == 1
