"""What Kubernetes gives a task, as plain data in the words of Kubeflow's oldest protos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from taxiway.config.clusters import Accelerator, Backoff, Kubeflow, Resources, Secret

PLATFORM: Final = "kubernetes"
DEFAULT: Final = "default"
_GIGA: Final = 10**9
_NO_TIMEOUT_SECONDS: Final = 7 * 24 * 3600
"""A week stands for a node that may take as long as it likes."""
_SUFFIXES: Final = {
    "": 1.0,
    "m": 1e-3,
    **{"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12},
    **{"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40},
}


def resources_of(kubeflow: Kubeflow, node_id: str) -> Resources:
    """What one node asks for: its own keys over those of `default`."""
    default = kubeflow.resources.get(DEFAULT, Resources())
    own = kubeflow.resources.get(node_id, Resources())
    given = {key: getattr(own, key) for key in own.model_fields_set}
    return default.model_copy(update={key: one for key, one in given.items() if one is not None})


def resource_spec(resources: Resources) -> dict[str, Any]:
    """A container's `resources`: cores, gigabytes (10^9 bytes), accelerators.

    Newer SDKs write strings beside these, which the protos of back end 2.0 do not know.
    """
    cpu = {"cpuRequest": resources.cpu, "cpuLimit": resources.cpu_limit}
    memory = {"memoryRequest": resources.memory, "memoryLimit": resources.memory_limit}
    return (
        {key: amount(value) for key, value in cpu.items() if value}
        | {key: gigabytes(value) for key, value in memory.items() if value}
        | accelerator_spec(resources.accelerator)
    )


def accelerator_spec(accelerator: Accelerator | None) -> dict[str, Any]:
    """The `accelerator` of a container's `resources`, as Kubeflow and Vertex AI have it."""
    if accelerator is None:
        return {}
    return {"accelerator": {"type": accelerator.type, "count": str(accelerator.count)}}


def attempts_of(resources: Resources) -> int:
    """How often a node is tried at most."""
    return 1 + (resources.retries or 0)


def waits_seconds(resources: Resources, backoff: Backoff) -> int:
    """How long all waits between a node's attempts take together."""
    retries = resources.retries or 0
    return sum(backoff.seconds * backoff.factor**number for number in range(retries))


def longest_seconds(resources: Resources, backoff: Backoff) -> int:
    """How long a task may take at most: as many pods as attempts, each with as many attempts."""
    attempts, waits = attempts_of(resources), waits_seconds(resources, backoff)
    pod = attempts * (resources.timeout_seconds or _NO_TIMEOUT_SECONDS) + waits
    return attempts * pod + waits


def retry_policy(resources: Resources, backoff: Backoff) -> dict[str, Any]:
    """A task's `retryPolicy`, for pods that vanish; empty where it is tried once.

    What fails within a pod its supervisor tries again. Argo counts the longest duration from the
    start of the first pod, ends a pod that runs into it and starts none after it. So it must hold
    all of them and the waits between. kfp's own set_retry cannot say that: it allows an hour at
    most.
    """
    if not resources.retries:
        return {}
    return {
        "maxRetryCount": resources.retries,
        "backoffDuration": f"{backoff.seconds}s",
        "backoffFactor": float(backoff.factor),
        "backoffMaxDuration": f"{longest_seconds(resources, backoff)}s",
    }


def amount(quantity: str) -> float:
    """A Kubernetes quantity as a number: `500m` is 0.5, `1Ki` is 1024."""
    digits = quantity.rstrip("mkKMGTi")
    return float(digits) * _SUFFIXES[quantity[len(digits) :]]


def gigabytes(quantity: str) -> float:
    """A Kubernetes quantity of bytes in 10^9 of them."""
    return amount(quantity) / _GIGA


def platform_config(
    kubeflow: Kubeflow, secrets: Sequence[Secret], resources: Resources
) -> dict[str, Any]:
    """A task's KubernetesExecutorConfig: volume, secrets, host, and what the config adds as it is.

    `constant` and `secretName` are deprecated in newer protos and still read by them; what they
    were replaced by is unknown to older back ends, which refuse what they do not know.
    """
    mount = {"constant": kubeflow.volume.claim, "mountPath": kubeflow.volume.mount_path}
    config: dict[str, Any] = {"pvcMount": [mount]}
    as_env = [
        {
            "secretName": secret.name,
            "keyToEnv": [{"secretKey": key, "envVar": name} for key, name in secret.env.items()],
        }
        for secret in secrets
        if secret.env
    ]
    as_files = [
        {"secretName": secret.name, "mountPath": secret.mount_path}
        for secret in secrets
        if secret.mount_path
    ]
    if as_env:
        config["secretAsEnv"] = as_env
    if as_files:
        config["secretAsVolume"] = as_files
    if resources.node_selector:
        config["nodeSelector"] = {"labels": dict(resources.node_selector)}
    if resources.tolerations:
        config["tolerations"] = [
            {key: value for key, value in one.model_dump().items() if value}
            for one in resources.tolerations
        ]
    return _joined(kubeflow.executor_config, config)


def _joined(general: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Two configs as one: lists one after the other, sections key by key, else the node's own."""
    joined = dict(general)
    for key, value in own.items():
        other = general.get(key)
        if isinstance(value, list) and other is not None:
            joined[key] = [*value, *other]
        elif isinstance(value, Mapping) and isinstance(other, Mapping):
            joined[key] = _joined(other, value)
        else:
            joined[key] = value
    return joined
