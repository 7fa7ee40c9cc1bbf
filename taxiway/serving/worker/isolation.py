"""What holds a worker in, as the parent sees it: from the kernel, not only from the worker's words.

The worker tells of its sandbox before it reads anything of the model; later words might be the
model's own. What the kernel shows of a process is compared with them all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from taxiway.serving.worker.sandbox import CONTROLS, Control

_HELD: Final[Mapping[Control, str]] = {
    "network": "none",
    "files": "the model's own",
    "privileges": "none",
    "system calls": "filtered",
}
# field of /proc/<pid>/status -> what it must be, and the control that fails otherwise
_EXPECTED: Final[Mapping[str, tuple[str, Control]]] = {
    "NoNewPrivs": ("1", "privileges"),
    "CapInh": ("0" * 16, "privileges"),
    "CapPrm": ("0" * 16, "privileges"),
    "CapEff": ("0" * 16, "privileges"),
    "CapAmb": ("0" * 16, "privileges"),
    "Seccomp": ("2", "system calls"),
}


def verified(pid: int, claimed: Mapping[str, str]) -> dict[Control, str]:
    """Why a control does not hold a worker, by its own words and by the kernel's; empty if all do.

    Args:
      pid: of the process that will load the model.
      claimed: what it said of itself before.
    """
    missing = {control: str(claimed[control]) for control in CONTROLS if control in claimed}
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError as error:
        return {**dict.fromkeys(CONTROLS, f"unknown: {error}"), **missing}
    status = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    for field, (expected, control) in _EXPECTED.items():
        found = status.get(field, expected)  # an older kernel has no CapAmb to drop
        if found != expected:
            missing.setdefault(control, f"{field} is {found}, expected {expected}")
    return missing


def told(missing: Mapping[Control, str]) -> str:
    """What is missing, and why, in one line; empty where nothing is."""
    return "; ".join(f"{control}: {why}" for control, why in missing.items())


def describe(missing: Mapping[Control, str], memory_limit_mb: int | None) -> str:
    """All controls in one line, and the bound of memory."""
    memory = "unlimited" if memory_limit_mb is None else f"{memory_limit_mb} MB"
    parts = [
        f"{control}: unrestricted ({missing[control]})"
        if control in missing
        else f"{control}: {held}"
        for control, held in _HELD.items()
    ]
    return ", ".join([*parts, f"memory: {memory}"])
