"""What `kubeflow.executor_config` may hold: KFP 2.17's kubernetes_executor_config.proto as a table.

A key that the proto lacks is refused by the server, and only when a run is made; an older server
than the key fails the task. So it is looked at when the config is loaded, which needs no kfp. A
test holds the table against the proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from taxiway.errors import did_you_mean

_INPUT: Final[Any] = {}  # a placeholder or a constant of KFP's own, looked at there
_LABELS: Final[Any] = {"*": str}
_KEY_TO_ENV: Final[Any] = {"secretKey": str, "envVar": str}
_EXPRESSION: Final[Any] = {"key": str, "operator": str, "values": [str]}

KEYS: Final[Mapping[str, Any]] = {
    "activeDeadlineSeconds": int,
    "configMapAsEnv": [
        {
            "configMapName": str,
            "keyToEnv": [{"configMapKey": str, "envVar": str}],
            "configMapNameParameter": _INPUT,
            "optional": bool,
        }
    ],
    "configMapAsVolume": [
        {
            "configMapName": str,
            "mountPath": str,
            "optional": bool,
            "configMapNameParameter": _INPUT,
        }
    ],
    "emptyDirMounts": [{"volumeName": str, "mountPath": str, "medium": str, "sizeLimit": str}],
    "enabledSharedMemory": {"volumeName": str, "size": str},
    "fieldPathAsEnv": [{"name": str, "fieldPath": str}],
    "genericEphemeralVolume": [
        {
            "volumeName": str,
            "mountPath": str,
            "accessModes": [str],
            "size": str,
            "defaultStorageClass": bool,
            "storageClassName": str,
            "metadata": {"labels": _LABELS, "annotations": _LABELS},
        }
    ],
    "imagePullPolicy": str,
    "imagePullSecret": [{"secretName": str, "secretNameParameter": _INPUT}],
    "nodeAffinity": [
        {
            "matchExpressions": [_EXPRESSION],
            "matchFields": [_EXPRESSION],
            "weight": int,
            "nodeAffinityJson": _INPUT,
        }
    ],
    "nodeSelector": {"labels": _LABELS, "nodeSelectorJson": _INPUT},
    "podAffinity": [
        {
            "matchPodExpressions": [_EXPRESSION],
            "matchPodLabels": _LABELS,
            "topologyKey": str,
            "namespaces": [str],
            "matchNamespaceExpressions": [_EXPRESSION],
            "matchNamespaceLabels": _LABELS,
            "weight": int,
            "anti": bool,
        }
    ],
    "podMetadata": {"labels": _LABELS, "annotations": _LABELS},
    "pvcMount": [
        {
            "taskOutputParameter": {"producerTask": str, "outputParameterKey": str},
            "constant": str,
            "componentInputParameter": str,
            "mountPath": str,
            "pvcNameParameter": _INPUT,
            "subPath": str,
        }
    ],
    "secretAsEnv": [
        {
            "secretName": str,
            "keyToEnv": [_KEY_TO_ENV],
            "optional": bool,
            "secretNameParameter": _INPUT,
        }
    ],
    "secretAsVolume": [
        {"secretName": str, "mountPath": str, "optional": bool, "secretNameParameter": _INPUT}
    ],
    "securityContext": {"runAsUser": int, "runAsGroup": int, "runAsNonRoot": bool},
    "tolerations": [
        {
            "key": str,
            "operator": str,
            "value": str,
            "effect": str,
            "tolerationSeconds": int,
            "tolerationJson": _INPUT,
        }
    ],
}
"""A type; a list of one; a mapping of known keys, of any (`*`), or of what KFP looks at itself."""

_WORDS: Final = {str: "a text", int: "a whole number", bool: "true or false"}


def checked(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The mapping itself.

    Raises:
      ValueError: names the first key that the proto does not know, or whose value does not fit.
    """
    _check(given, KEYS, "")
    return given


def _check(value: Any, shape: Any, where: str) -> None:
    place = f"'{where}' " if where else ""
    if isinstance(shape, list):
        if not isinstance(value, list | tuple):
            raise ValueError(f"{place}must be a list")
        for index, one in enumerate(value):
            _check(one, shape[0], f"{where}.{index}")
    elif isinstance(shape, Mapping):
        if shape is _INPUT and isinstance(value, Mapping):
            return
        if not isinstance(value, Mapping):
            raise ValueError(f"{place}must be a section of keys")
        for key, one in value.items():
            _check(one, _shape_of(str(key), shape, where), f"{where}.{key}" if where else str(key))
    elif type(value) is not shape:
        raise ValueError(f"{place}must be {_WORDS[shape]}")


def _shape_of(key: str, shape: Mapping[str, Any], where: str) -> Any:
    found = shape.get(key, shape.get("*"))
    if found is None:
        there = f" in '{where}'" if where else ""
        raise ValueError(
            f"unknown key '{key}'{there}{did_you_mean(key, shape)} (known to Kubeflow Pipelines "
            f"2.17: {', '.join(sorted(shape))})"
        )
    return found
