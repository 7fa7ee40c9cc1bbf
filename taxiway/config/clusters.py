"""Where pipelines run beside this machine: Kubeflow Pipelines and Vertex AI."""

from __future__ import annotations

import keyword
import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from taxiway.config.executor_config import checked
from taxiway.section import EnvName, Frozen, KubernetesName, Quantity

TASK_NAMES: Final = ("run_id", "run", "record", "metrics", "report", "self")
"""What our tasks, and kfp's functions, take and give by these names already; and argument_<n>."""


ParameterName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


def _parameters_apart(parameters: dict[str, str]) -> dict[str, str]:
    """No name that means something else in a task, and no key that two of them would set."""
    setting: dict[str, str] = {}
    for name, key in parameters.items():
        taken = name in TASK_NAMES or re.fullmatch(r"argument_[0-9]+", name)
        if taken or keyword.iskeyword(name):
            raise ValueError(
                f"'{name}' is a name that tasks or Python use themselves: expected another one for "
                f"'{key}' (not {', '.join(TASK_NAMES)}, argument_<number> or a keyword of Python)"
            )
        if key in setting:
            raise ValueError(
                f"'{setting[key]}' and '{name}' both set '{key}': expected one parameter for a key"
            )
        setting[key] = name
    return parameters


class Volume(Frozen):
    """The persistent volume that every node sees; output.root lies on it."""

    claim: KubernetesName = "taxiway"
    """Name of the PersistentVolumeClaim; ReadWriteMany where the cluster has many hosts."""
    mount_path: Annotated[str, Field(pattern=r"^/[^:]*$")] = "/taxiway"
    """Where nodes see it."""


class Secret(Frozen):
    """A Kubernetes secret whose values nodes get as environment variables, as files, or as both."""

    name: KubernetesName
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


class Accelerator(Frozen):
    """GPUs, or others of their kind, for one node."""

    type: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$")]
    """As the platform names it: the resource on Kubernetes (`nvidia.com/gpu`), the product on
    Vertex AI (`NVIDIA_TESLA_T4`)."""
    count: Annotated[int, Field(ge=1)] = 1
    """How many."""


class Toleration(Frozen):
    """A taint of a Kubernetes host that does not keep a node away; from KFP 2.2 on."""

    key: str = ""
    """The taint's key; empty, with the operator Exists, for every taint."""
    operator: Literal["Exists", "Equal"] = "Exists"
    """Whether the taint's value counts too."""
    value: str = ""
    """The taint's value, for Equal."""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    """The taint's effect; empty for every one."""

    @model_validator(mode="after")
    def _is_one(self) -> Toleration:
        if self.operator == "Equal" and not self.key:
            raise ValueError("a toleration with the operator Equal needs a key")
        if self.operator == "Exists" and self.value:
            raise ValueError("a toleration with a value needs `operator: Equal`")
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
    """How often a node that failed is tried again, in its pod, and how often a pod that vanished is
    replaced; a gate's verdict, wrong data and a wrong config never are."""
    accelerator: Accelerator | None = None
    """GPUs of the host; the image must have what they need (`make image CUDA=1`)."""
    node_selector: dict[str, str] | None = None
    """Labels that the host must have."""
    tolerations: tuple[Toleration, ...] | None = None
    """Taints that the host may have."""


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
    parameters: Annotated[dict[ParameterName, str], AfterValidator(_parameters_apart)] = Field(
        default_factory=dict
    )
    """Run parameters that the UI shows: name to the config key it sets."""
    executor_config: Annotated[dict[str, Any], AfterValidator(checked)] = Field(
        default_factory=dict
    )
    """More of Kubernetes for every node, as kubernetes_executor_config.proto has it: nodeSelector,
    and from KFP 2.2 on tolerations, imagePullSecret, fieldPathAsEnv, activeDeadlineSeconds, ...
    Lists are added to what other keys give a node."""


class VertexResources(Frozen):
    """The machine of one node on Vertex AI; what is left out Vertex chooses."""

    cpu: Annotated[float, Field(gt=0)] | None = None
    """Cores, at most."""
    memory: Quantity | None = None
    """Memory, at most."""
    accelerator: Accelerator | None = None
    """GPUs; the image must have what they need (`make image CUDA=1`)."""


class Vertex(Frozen):
    """Vertex AI, for `taxiway compile --target vertex`; the image is that of kubeflow.image."""

    resources: dict[str, VertexResources] = Field(default_factory=dict)
    """By node id."""
    leave_out: tuple[str, ...] = ()
    """Ids of nodes to do without; the compiler names those that cannot run there, and why."""
