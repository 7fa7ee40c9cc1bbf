"""Where pipelines run beside this machine: Kubeflow Pipelines and Vertex AI."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from taxiway.section import EnvName, Frozen, Name, Quantity


class Volume(Frozen):
    """The persistent volume that every node sees; output.root lies on it."""

    claim: Name = "taxiway"
    """Name of the PersistentVolumeClaim; ReadWriteMany where the cluster has many hosts."""
    mount_path: Annotated[str, Field(pattern=r"^/[^:]*$")] = "/taxiway"
    """Where nodes see it."""


class Secret(Frozen):
    """A Kubernetes secret whose values nodes get as environment variables, as files, or as both."""

    name: Name
    """Name of the Kubernetes secret."""
    env: dict[str, EnvName] = Field(default_factory=dict)
    """Key within the secret to the variable's name."""
    mount_path: Annotated[str, Field(pattern=r"^(/[^:]*)?$")] = ""
    """Folder where each key is a file; empty for no files."""

    @model_validator(mode="after")
    def _is_used(self) -> Secret:
        if not self.env and not self.mount_path:
            raise ValueError(f"secret {self.name} needs env, mount_path, or both")
        return self


class Resources(Frozen):
    """What one node asks of the cluster; a key left out is that of `resources.default`."""

    cpu: Quantity | None = None
    """Cores it is promised."""
    memory: Quantity | None = None
    """Memory it is promised."""
    cpu_limit: Quantity | None = None
    """Cores it gets at most; it is slowed down, not killed."""
    memory_limit: Quantity | None = None
    """A node that takes more is killed, and tried again."""
    timeout_seconds: Annotated[int, Field(ge=1)] | None = None
    """How long one attempt may take before it is ended and counts as failed."""
    retries: Annotated[int, Field(ge=0)] | None = None
    """How often a node that failed is tried again; a gate's verdict never is."""


class Backoff(Frozen):
    """How long Kubeflow waits between attempts."""

    seconds: Annotated[int, Field(ge=0)] = 10
    """Before the second attempt."""
    factor: Annotated[int, Field(ge=1)] = 2
    """How many times longer each further wait is; Argo takes whole numbers only."""


class Kubeflow(Frozen):
    """Kubeflow Pipelines: where it is, and what a node gets there."""

    endpoint: str = ""
    """Address of the API or the UI in front of it, such as http://localhost:8080."""
    namespace: str = ""
    """Profile namespace of a multi-user installation; empty for a single-user one."""
    experiment: str = ""
    """Empty means pipeline.name."""
    token_env: EnvName = "KUBEFLOW_TOKEN"  # noqa: S105  # the variable's name
    """Environment variable with a bearer token; not set means that none is sent."""
    image: Annotated[str, Field(min_length=1)] = "taxiway:dev"
    """What every node but container components runs in; see deploy/Dockerfile."""
    volume: Volume = Volume()
    secrets: tuple[Secret, ...] = ()
    """Kubernetes secrets that every node gets."""
    env: dict[EnvName, str] = Field(default_factory=dict)
    """Plain environment variables of every node."""
    resources: dict[str, Resources] = Field(default_factory=dict)
    """By node id; `default` is for the others. Nodes of other pipelines may be named too."""
    backoff: Backoff = Backoff()
    parameters: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], str] = Field(
        default_factory=dict
    )
    """Run parameters that the UI shows: name to the config key it sets."""
    executor_config: dict[str, Any] = Field(default_factory=dict)
    """More of Kubernetes for every node, as kubernetes_executor_config.proto has it: nodeSelector,
    and from KFP 2.2 on tolerations, imagePullSecret, fieldPathAsEnv, activeDeadlineSeconds, ..."""


class Vertex(Frozen):
    """Vertex AI, for `taxiway compile --target vertex`; the image is that of kubeflow.image."""

    leave_out: tuple[str, ...] = ()
    """Ids of nodes to do without; the compiler names those that cannot run there, and why."""
