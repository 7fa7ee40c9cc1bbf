"""Where a run comes from: its config beside the base, its environment, and how to repeat it."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from components.run_report.sections.known import KnownRun
from taxiway.process.provenance import GIT_COMMIT, GIT_DIRTY, IMAGES, LOCK_DIGEST, VERSIONS
from taxiway.terminal import shell

CURVES_FILE: Final = "curves.json"
"""Beside a ModelRun's events: one number for each epoch, by the metric's name."""
CPU_SECONDS: Final = "cpu_seconds"
"""A property of executions: of the runner and the processes that the node started."""
_OF_THE_MACHINE: Final = ("model.code_digest",)


def config_section(run: KnownRun) -> list[dict[str, Any]] | None:
    """Keys whose value differs from the base config's, with both.

    A place that only follows from output.root is left out.
    """
    text = run.properties.get("config", "")
    values = yaml.safe_load(text) if text else None
    if not isinstance(values, dict) or not run.base:
        return None
    mine, base = flat(values), run.base
    root, base_root = str(mine.get("output.root", "")), str(base.get("output.root", ""))
    return [
        {"key": key, "value": mine.get(key), "base": base.get(key)}
        for key in sorted({*mine, *base} - set(_OF_THE_MACHINE))
        if mine.get(key) != base.get(key)
        and (key == "output.root" or not _moved(mine.get(key), base.get(key), root, base_root))
    ]


def _moved(mine: object, base: object, root: str, base_root: str) -> bool:
    """Whether a place is the same below another output.root."""
    if not (isinstance(mine, str) and isinstance(base, str) and root and base_root):
        return False
    return mine.startswith(root) and base == f"{base_root}{mine.removeprefix(root)}"


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested mapping by dotted key; lists stay whole."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict) and value:
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def cost_section(run: KnownRun) -> dict[str, Any] | None:
    """CPU hours of the nodes, and what they cost; None where CPU time was not measured."""
    used = [one.properties[CPU_SECONDS] for one in run.nodes if CPU_SECONDS in one.properties]
    if not used:
        return None
    values = yaml.safe_load(run.properties.get("config", "")) or {}
    section = values.get("cost") if isinstance(values, dict) else None
    price = float((section or {}).get("per_core_hour") or 0.0)
    hours = sum(map(float, used)) / 3600.0
    return {
        "core_hours": hours,
        "per_core_hour": price,
        "amount": hours * price if price else None,
        "currency": str((section or {}).get("currency") or ""),
    }


def environment_section(run: KnownRun) -> dict[str, Any]:
    """Commit, lock, releases, images, and the machine that the report was written on."""
    known = run.properties
    return {
        "commit": known.get(GIT_COMMIT, ""),
        "dirty": _parsed(known.get(GIT_DIRTY)),
        "lock": known.get(LOCK_DIGEST, ""),
        "versions": _parsed(known.get(VERSIONS)) or {},
        "images": _parsed(known.get(IMAGES)) or {},
        "machine": {
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "cores": os.cpu_count() or 0,
        },
    }


def _parsed(text: object) -> Any:
    try:
        return json.loads(str(text)) if text is not None else None
    except ValueError:
        return None


def reproduce_section(run: KnownRun) -> list[dict[str, str]]:
    """Commands, each with what it does; the run's own only where there is no more to say."""
    commit = run.properties.get(GIT_COMMIT, "")
    dirty = _parsed(run.properties.get(GIT_DIRTY))
    steps = [
        (
            "says what differs now, and runs it again",
            shell(["taxiway", "runs", "reproduce", run.run_id]),
        )
    ]
    if commit:
        what = "takes the commit that it ran from" + (
            ", without its uncommitted changes" * bool(dirty)
        )
        steps += [
            (what, shell(["git", "checkout", commit])),
            ("installs what that commit locks", "make install"),
        ]
    if run.properties.get("command"):
        steps.append(("is how it was started", str(run.properties["command"])))
    return [{"does": does, "command": command} for does, command in steps]


def curves_section(run: KnownRun) -> dict[str, list[float]] | None:
    """Numbers by epoch, by the metric's name; None where the Trainer has written none."""
    path = Path(run.uri("Trainer", "model_run")) / CURVES_FILE
    if not run.uri("Trainer", "model_run") or not path.is_file():
        return None
    read = json.loads(path.read_text(encoding="utf-8"))
    return {str(name): [float(one) for one in values] for name, values in read.items()}
