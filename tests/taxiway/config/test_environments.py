"""Environments: overlays over a config, and where a pushed model goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.errors import ConfigError
from taxiway.push.bucket import BucketPush
from taxiway.push.folder import FilesystemPush
from tests.conftest import REPOSITORY, TINY

ENVIRONMENTS = sorted(path.stem for path in (REPOSITORY / "configs/environments").glob("*.yaml"))
HELD = "registry.approval={kind: required}"


def config(*assignments: str, environment: str = "") -> Config:
    return load_config([TINY], ["output.root=/o", *assignments], environment)


def test_without_a_policy_a_model_is_pushed_to_where_it_serves() -> None:
    assert config().push_target == config().push


def test_what_has_to_be_approved_is_pushed_to_the_store() -> None:
    held = config(HELD)
    assert held.push.destination == "/o/serving/tiny"
    assert held.push_target == FilesystemPush(kind="filesystem", destination="/o/models/tiny")
    assert config(HELD, "registry.store=/s").push_target.destination == "/s"


def test_a_store_may_be_a_bucket_where_what_serves_is_one() -> None:
    bucket = ("push.destination=gs://b/serving", "registry.store=gs://b/store")
    target = config(HELD, *bucket).push_target
    assert target == BucketPush(kind="bucket", destination="gs://b/store")
    assert config(HELD, bucket[0]).push_target.destination == "/o/models/tiny"


@pytest.mark.parametrize(
    ("store", "told"),
    [
        ("gs://b/store", "what waits in a bucket is not published to a folder"),
        ("s3://b/store", "expected a folder or gs://"),
    ],
)
def test_a_store_from_which_nothing_could_be_published_is_refused(store: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        config(HELD, f"registry.store={store}")
    assert config(f"registry.store={store}").push_target.destination == "/o/serving/tiny"


def test_the_guarded_place_is_the_push_destination_whatever_is_given() -> None:
    assert config("registry.guards=/elsewhere").registry.guards == "/o/serving/tiny"
    assert config("push.destination=serving").registry.guards == str(Path("serving").absolute())
    assert config("push.destination=gs://b/s").registry.guards == "gs://b/s"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_has_a_policy_and_a_folder_of_its_own(name: str) -> None:
    found = config(environment=name)
    assert found.registry.environment == name
    assert found.registry.approval.holds_back
    assert found.push.destination == f"/o/serving-{name}/tiny"
    assert found.registry.store == config().registry.store


def test_an_assignment_wins_over_the_environment() -> None:
    assert config("push.destination=/p", environment="staging").push.destination == "/p"


def test_an_unknown_environment_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"'stagin'; did you mean 'staging'\? \(there is: prod"):
        config(environment="stagin")


def test_a_file_of_another_environment_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"registry\.environment is 'mine' with the overlay"):
        config("registry.environment=mine", environment="staging")
