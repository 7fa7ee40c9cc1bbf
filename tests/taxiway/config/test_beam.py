"""Beam profiles: each gives the arguments that Beam itself understands, and always a timeout."""

from __future__ import annotations

import json
from typing import Any

import pytest

from taxiway.config.beam import IN_PROCESS, pipeline_args
from taxiway.config.loader import load_config
from taxiway.errors import ConfigError
from tests.conftest import TINY

PORTABLE = ["beam.kind=portable", "beam.job_endpoint=flink:8099"]
DATAFLOW = [
    "beam.kind=dataflow",
    "beam.project=mine",
    "beam.region=europe-west1",
    "beam.temp_location=gs://bucket/tmp",
    "beam.sdk_container_image=eu.gcr.io/mine/taxiway:1",
]
PROFILES: dict[str, tuple[list[str], list[str]]] = {
    "direct": (["beam.kind=direct"], [f"--runner={IN_PROCESS}"]),
    "portable, docker": (
        [*PORTABLE, "beam.environment={kind: docker, image: 'taxiway:1'}"],
        [
            "--runner=PortableRunner",
            "--job_endpoint=flink:8099",
            "--environment_type=DOCKER",
            "--environment_config=taxiway:1",
        ],
    ),
    "portable, external": (
        [
            *PORTABLE,
            "beam.environment={kind: external, address: 'pool:50000'}",
            "beam.artifact_endpoint='[::1]:8098'",
        ],
        [
            "--runner=PortableRunner",
            "--artifact_endpoint=[::1]:8098",
            "--environment_type=EXTERNAL",
            "--environment_config=pool:50000",
        ],
    ),
    "portable, loopback": (
        [*PORTABLE, "beam.environment={kind: loopback}"],
        ["--runner=PortableRunner", "--environment_type=LOOPBACK"],
    ),
    "portable, process": (
        [*PORTABLE, "beam.environment={kind: process, command: /boot, env: {A: '1'}}"],
        [
            "--environment_type=PROCESS",
            "--environment_config=" + json.dumps({"command": "/boot", "env": {"A": "1"}}),
        ],
    ),
    "dataflow": (
        [*DATAFLOW, "beam.subnetwork=regions/europe-west1/subnetworks/own"],
        [
            "--runner=DataflowRunner",
            "--project=mine",
            "--region=europe-west1",
            "--temp_location=gs://bucket/tmp",
            "--sdk_container_image=eu.gcr.io/mine/taxiway:1",
            "--subnetwork=regions/europe-west1/subnetworks/own",
        ],
    ),
}


def args(*assignments: str) -> list[str]:
    return pipeline_args(load_config([TINY], list(assignments)).beam)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_gives_its_arguments_and_more(name: str) -> None:
    assignments, expected = PROFILES[name]
    given = args(*assignments, "beam.args=['--max_num_workers=8']")
    assert set(expected) <= set(given)
    assert given[-1] == "--max_num_workers=8"


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_says_how_long_a_job_server_may_take(name: str) -> None:
    assignments, _ = PROFILES[name]
    assert "--job_server_timeout=3600" in args(*assignments)
    longer = args(*assignments, "beam.job_server_timeout_seconds=7200")
    assert "--job_server_timeout=7200" in longer


@pytest.mark.parametrize("name", PROFILES)
def test_beam_itself_knows_every_argument(name: str) -> None:
    from apache_beam.options.pipeline_options import PipelineOptions

    given = args(*PROFILES[name][0])
    known = PipelineOptions(given).get_all_options()
    for argument in given:
        key, _, value = argument.removeprefix("--").partition("=")
        assert str(known[key]) == value


@pytest.mark.parametrize("name", [name for name in PROFILES if name != "dataflow"])
def test_beam_finds_nothing_wrong_with_a_profile(name: str) -> None:
    """Dataflow's is left out: Beam would ask Google for credentials first."""
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
    from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
    from apache_beam.runners import create_runner

    options = PipelineOptions(args(*PROFILES[name][0]))
    runner = create_runner(options.view_as(StandardOptions).runner)
    assert not PipelineOptionsValidator(options, runner).validate()


@pytest.mark.pipeline
@pytest.mark.parametrize("name", PROFILES)
def test_no_profile_makes_tfx_pack_and_stage_itself(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tfx.utils import dependency_utils

    monkeypatch.delattr(dependency_utils, "build_ephemeral_package")
    given = args(*PROFILES[name][0])
    assert dependency_utils.make_beam_dependency_flags(given) == given


def test_what_is_in_process_does_not_hang_on_beams_own_choice() -> None:
    from apache_beam.runners import create_runner
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    assert type(create_runner(IN_PROCESS)) is FnApiRunner
    assert args() == args("beam.kind=direct")


WRONG: dict[str, tuple[list[str], Any]] = {
    "no such kind": (["beam.kind=flink"], ("beam", "'direct', 'portable', 'dataflow'")),
    "a key of another kind": (
        ["beam.job_endpoint=flink:8099"],
        ("beam.direct.job_endpoint: unknown key", "known: args"),
    ),
    "a misspelt key": (
        [*PORTABLE, "beam.environment={kind: loopback}", "beam.artefact_endpoint=a:1"],
        ("unknown key", "did you mean 'artifact_endpoint'?"),
    ),
    "a key of another environment": (
        [*PORTABLE, "beam.environment={kind: external, address: 'a:1', image: b}"],
        ("environment.external.image: unknown key", "known: address, kind"),
    ),
    "no environment": (PORTABLE, ("environment: missing",)),
    "no port": (
        ["beam.kind=portable", "beam.job_endpoint=flink", "beam.environment={kind: loopback}"],
        ("job_endpoint", "got 'flink'"),
    ),
    "no bucket": ([*DATAFLOW, "beam.temp_location=/tmp"], ("temp_location", "got '/tmp'")),
    "an argument that the kind sets": (
        ["beam.args=['--runner=FlinkRunner', '--labels=a=b']"],
        ("args: --runner follow",),
    ),
    "a timeout as an argument": (
        ["beam.args=['--job_server_timeout=60']"],
        ("args: --job_server_timeout follow",),
    ),
    "an argument apart from its value": (["beam.args=[--labels, a]"], ("beam.direct.args.1",)),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_go_together_is_refused_with_its_key(case: str) -> None:
    assignments, told = WRONG[case]
    with pytest.raises(ConfigError) as refused:
        load_config([TINY], assignments)
    for text in told:
        assert text in str(refused.value)


def test_dataflow_is_refused_where_its_workers_would_not_see_the_artifacts() -> None:
    from taxiway.runners.preflight import CHECKS

    (check,) = [each for each in CHECKS if "folders" in each.__name__]
    with pytest.raises(ConfigError, match=r"do not see the folder \S+var of this") as refused:
        check(load_config([TINY], DATAFLOW))
    assert refused.value.edit == "beam.kind"
    check(load_config([TINY]))
