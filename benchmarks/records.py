"""What the benchmark writes down: runs, their nodes, and whether both sides made the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from taxiway.errors import DataError
from taxiway.section import Frozen

Side = Literal["stock", "taxiway"]
SIDES: Final[tuple[Side, Side]] = ("stock", "taxiway")


class NodeRun(Frozen):
    """One node of one run; seconds count from the start of the process, memory is in bytes."""

    node: str
    start: float
    seconds: float
    cpu_seconds: float
    """Of the process and all it started; where `shared`, of the nodes beside this one too."""
    shared: bool
    """Another node ran at the same time."""
    peak_rss: int
    """Resident memory of all processes added up; pages they share count more than once."""
    peak_pss: int | None
    """The same with a shared page divided among its users; None where the system does not say."""
    rows: dict[str, int] = Field(default_factory=dict)
    """What it put out, by split; empty for nodes whose output has no rows."""

    @property
    def end(self) -> float:
        """Seconds from the start of the process to the end of the node."""
        return self.start + self.seconds

    @property
    def memory(self) -> int:
        """Peak memory: with shared pages counted once where that is known."""
        return self.peak_rss if self.peak_pss is None else self.peak_pss


class Run(Frozen):
    """One whole run of one side in a process of its own, from its start, imports included."""

    side: Side
    rows: int
    repeat: int = 1
    seconds: float
    cpu_seconds: float
    peak_rss: int
    peak_pss: int | None
    sampling_seconds: float
    """CPU that measuring itself took, on either side."""
    other_cpu_seconds: float
    """CPU that others on the machine took meanwhile; near 0 on a quiet one."""
    nodes: tuple[NodeRun, ...]

    @property
    def memory(self) -> int:
        """Peak memory: with shared pages counted once where that is known."""
        return self.peak_rss if self.peak_pss is None else self.peak_pss


class Finding(Frozen):
    """One thing that both sides should have made alike."""

    what: str
    same: bool
    detail: str
    """What was compared and found, or the first differences."""


class Check(Frozen):
    """All findings of one size."""

    rows: int
    findings: tuple[Finding, ...]

    @property
    def same(self) -> bool:
        """Whether both sides made the same thing."""
        return all(finding.same for finding in self.findings)


class Machine(Frozen):
    """Where it was measured, and with which versions."""

    cpus: int
    memory_bytes: int
    system: str
    versions: dict[str, str]


class Results(Frozen):
    """One benchmark: everything that a table or a chart is made of."""

    command: str
    day: str
    machine: Machine
    runs: tuple[Run, ...]
    checks: tuple[Check, ...]


def finding(what: str, compared: str, differences: Sequence[str]) -> Finding:
    """Same where there is no difference; else the first few of them, counted."""
    if not differences:
        return Finding(what=what, same=True, detail=compared)
    shown = "; ".join(differences[:5])
    more = f" (and {len(differences) - 5} more)" if len(differences) > 5 else ""
    return Finding(what=what, same=False, detail=shown + more)


def read_results(path: Path) -> Results:
    """Reads what `python -m benchmarks` wrote.

    Raises:
      DataError: there is no such file, or it holds something else.
    """
    try:
        return Results.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}", edit="run `make bench`"
        ) from error
    except ValidationError as error:
        raise DataError(
            f"{path} is no result of this benchmark: {error.errors()[0]['msg']}",
            edit="run `make bench` again",
        ) from error
