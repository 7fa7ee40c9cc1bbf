"""What is done here, what each of it needs of a machine, and the table that says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from taxiway.scaffold.doctor import needs
from taxiway.scaffold.doctor.machine import Machine
from taxiway.scaffold.doctor.needs import MISSING, OK, WARNING, Finding

_WORST_LAST = (OK, WARNING, MISSING)
_TO_RUN = (
    *(needs.system, needs.python, needs.packages, needs.uv, needs.compiler, needs.headers),
    *(needs.make, needs.git, needs.folders, needs.locale),
)
TARGETS: Mapping[str, tuple[Callable[[Machine], Finding], ...]] = {
    "local": (
        *_TO_RUN,
        *(needs.containers, partial(needs.memory, gib=4), partial(needs.disk, new=4, later=1)),
    ),
    "tests": (
        *_TO_RUN,
        *(needs.containers, partial(needs.memory, gib=8), partial(needs.disk, new=6, later=3)),
    ),
    "image": (needs.docker, needs.make, needs.git, partial(needs.disk, new=10, later=10)),
    "kubeflow": (
        *_TO_RUN,
        *(partial(needs.extra, name="kubeflow", package="kfp"), needs.kubectl, needs.endpoint),
        partial(needs.disk, new=4, later=1),
    ),
    "dask": (
        *_TO_RUN,
        *(partial(needs.extra, name="dask", package="distributed"), needs.openssl, needs.port),
        partial(needs.memory, gib=6),
        partial(needs.disk, new=4, later=1),
    ),
    "docs": (
        *(needs.make, needs.uv, needs.folders, needs.locale),
        partial(needs.disk, new=1, later=1),
    ),
}
"""A run on this machine, the tests, the container image, Kubeflow, Dask, the documentation."""
DEFAULT = "local"


def findings(machine: Machine, target: str) -> list[Finding]:
    """What a target needs, in the order in which one would set it up."""
    return [check(machine) for check in TARGETS[target]]


def works(machine: Machine, target: str) -> bool:
    """Whether nothing is missing; what is warned of is only worse than it could be."""
    return all(one.status != MISSING for one in findings(machine, target))


def to_json(machine: Machine, targets: Sequence[str]) -> dict[str, Any]:
    """Each target with its needs, and whether it works."""
    told = {
        target: {
            "works": works(machine, target),
            "needs": [asdict(one) for one in findings(machine, target)],
        }
        for target in targets
    }
    return {"targets": told}


def lines(machine: Machine, targets: Sequence[str]) -> list[str]:
    """A table of all needs, each once and at its worst, and a line for each target."""
    worst: dict[str, Finding] = {}
    for one in (one for target in targets for one in findings(machine, target)):
        before = worst.setdefault(one.need, one)
        if _WORST_LAST.index(one.status) > _WORST_LAST.index(before.status):
            worst[one.need] = one
    table = []
    for one in worst.values():
        table.append(f"{one.need:11} {one.status:7}  {plain(one.found)}")
        if one.get:
            table.append(f"{'':21}get it: {plain(one.get)}")
    return [*table, "", *(f"{target:10}  {_verdict(machine, target)}" for target in targets)]


def plain(text: str) -> str:
    """ASCII on one line: what more this machine can show is one of the questions."""
    return text.encode("unicode_escape").decode("ascii")


def _verdict(machine: Machine, target: str) -> str:
    found = findings(machine, target)
    missing = [one.need for one in found if one.status == MISSING]
    warned = [one.need for one in found if one.status == WARNING]
    verdict = f"does not work: {', '.join(missing)}" if missing else "works"
    return f"{verdict} (warnings: {', '.join(warned)})" if warned else verdict
