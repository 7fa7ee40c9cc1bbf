"""Where Apache Beam runs what uses it: one profile per kind, and the arguments it means."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from taxiway.section import Frozen

Address = Annotated[str, Field(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):[0-9]{1,5}$")]
"""host:port"""
Argument = Annotated[str, Field(pattern=r"^--[a-z][a-z0-9_]*(=.*)?$")]
"""As Beam's command line takes it, with its value behind `=`."""
NonEmpty = Annotated[str, Field(min_length=1)]
Bucket = Annotated[str, Field(pattern=r"^gs://[a-z0-9]")]

IN_PROCESS: Final = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
"""What Beam 2.61's DirectRunner chooses. That of 2.77 first tries to download Prism, a server in
Go, and without a network falls back on a third runner."""
CODE_IS_THERE: Final = "--sdk_container_image=none"
"""TFX packs and stages itself, 4 s a node, unless workers come from an image or get a package; here
they have the project already. No runner but Dataflow looks at the name."""


class Profile(Frozen):
    """What every profile has."""

    job_server_timeout_seconds: Annotated[int, Field(ge=1)] = 3600
    """How long a job server may take to answer. Beam's own 60 s are too few for graphs as large as
    the Evaluator's, which fail with Deadline Exceeded."""
    args: tuple[Argument, ...] = ()
    """More of Beam's arguments, such as `--max_num_workers=8`."""

    @model_validator(mode="after")
    def _args_are_more(self) -> Profile:
        """An argument that a key sets would win or lose by its place."""
        own = {_name(argument) for argument in _own_args(self)}
        twice = sorted(own & {_name(argument) for argument in self.args})
        if twice:
            raise ValueError(f"args: {', '.join(twice)} follow from the profile's other keys")
        return self


class DirectBeam(Profile):
    """In the node's own process."""

    kind: Literal["direct"]


class DockerWorkers(Frozen):
    """Containers that the runner starts; it needs Docker on its workers."""

    kind: Literal["docker"]
    image: NonEmpty
    """With this project inside, as `make image` makes it, and Beam's boot program; see
    docs/how-to/run-on-beam.md."""


class ExternalWorkers(Frozen):
    """A pool that runs already: `python -m apache_beam.runners.worker.worker_pool_main`."""

    kind: Literal["external"]
    address: Address
    """As the runner's workers reach it. The pool starts the `python` on its PATH and installs
    nothing, so this project must be importable there."""


class LoopbackWorkers(Frozen):
    """Threads of the process that submitted the job, for trying things out."""

    kind: Literal["loopback"]


class ProcessWorkers(Frozen):
    """Processes that the runner starts on its workers."""

    kind: Literal["process"]
    command: NonEmpty
    """Path of Beam's boot program there."""
    env: dict[str, str] = Field(default_factory=dict)
    """Environment variables of the processes."""


class PortableBeam(Profile):
    """A job server, such as that of Flink or Spark."""

    kind: Literal["portable"]
    job_endpoint: Address
    """Address of the job server, host:port."""
    artifact_endpoint: Address | None = None
    """None: where the job server says."""
    environment: Annotated[
        DockerWorkers | ExternalWorkers | LoopbackWorkers | ProcessWorkers,
        Field(discriminator="kind"),
    ]
    """What runs our code for the runner; it must see output.root."""


class DataflowBeam(Profile):
    """Google Cloud Dataflow; output.root must be a bucket."""

    kind: Literal["dataflow"]
    project: NonEmpty
    """Id of the Google Cloud project."""
    region: NonEmpty
    """Where the workers are, such as europe-west1."""
    temp_location: Bucket
    """Folder in a bucket for what Dataflow keeps while it works."""
    sdk_container_image: NonEmpty
    """With this project inside, and Beam's boot program; see docs/how-to/run-on-beam.md."""
    service_account_email: str = ""
    """Empty means the project's default."""
    subnetwork: str = ""
    """Empty means the project's default."""


Beam = Annotated[DirectBeam | PortableBeam | DataflowBeam, Field(discriminator="kind")]


def pipeline_args(beam: Profile) -> list[str]:
    """TFX's beam_pipeline_args for a profile."""
    return [*_own_args(beam), *beam.args]


def _direct(_: DirectBeam) -> list[str]:
    return [f"--runner={IN_PROCESS}", CODE_IS_THERE]


def _portable(beam: PortableBeam) -> list[str]:
    endpoints = [f"--job_endpoint={beam.job_endpoint}"]
    if beam.artifact_endpoint:
        endpoints.append(f"--artifact_endpoint={beam.artifact_endpoint}")
    environment = ENVIRONMENTS[beam.environment.kind](beam.environment)
    return ["--runner=PortableRunner", *endpoints, *environment, CODE_IS_THERE]


def _dataflow(beam: DataflowBeam) -> list[str]:
    keys = ("project", "region", "temp_location", "sdk_container_image")
    optional = ("service_account_email", "subnetwork")
    set_keys = [*keys, *(key for key in optional if getattr(beam, key))]
    return ["--runner=DataflowRunner", *(f"--{key}={getattr(beam, key)}" for key in set_keys)]


def _environment(kind: str, config: str) -> list[str]:
    return [f"--environment_type={kind}", f"--environment_config={config}"]


ENVIRONMENTS: Final[Mapping[str, Callable[[Any], list[str]]]] = {
    "docker": lambda workers: _environment("DOCKER", workers.image),
    "external": lambda workers: _environment("EXTERNAL", workers.address),
    "loopback": lambda _: ["--environment_type=LOOPBACK"],
    "process": lambda workers: _environment(
        "PROCESS", json.dumps({"command": workers.command, "env": workers.env})
    ),
}

PROFILES: Final[Mapping[str, Callable[[Any], list[str]]]] = {
    "direct": _direct,
    "portable": _portable,
    "dataflow": _dataflow,
}


def _own_args(beam: Any) -> list[str]:
    """What the keys of a profile mean, without its `args`."""
    timeout = f"--job_server_timeout={beam.job_server_timeout_seconds}"
    return [*PROFILES[beam.kind](beam), timeout]


def _name(argument: str) -> str:
    return argument.partition("=")[0]
