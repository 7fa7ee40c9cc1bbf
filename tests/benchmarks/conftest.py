"""A small result of the benchmark, made up so that every figure in it is a different one."""

from __future__ import annotations

import pytest

from benchmarks.records import Check, Finding, Machine, NodeRun, Results, Run, Side

GB = 1_000_000_000


def node(name: str, start: float, seconds: float, shared: bool = False) -> NodeRun:
    return NodeRun(
        node=name,
        start=start,
        seconds=seconds,
        cpu_seconds=seconds * 0.9,
        shared=shared,
        peak_rss=2 * GB,
        peak_pss=1 * GB,
        rows={"train": 2, "eval": 1} if "ExampleGen" in name else {},
    )


def run(side: Side, rows: int, seconds: float, repeat: int = 1) -> Run:
    name = "CsvExampleGen" if side == "stock" else "ArrowExampleGen"
    unit = seconds / 10
    return Run(
        side=side,
        rows=rows,
        repeat=repeat,
        seconds=seconds,
        cpu_seconds=seconds * 0.8,
        peak_rss=3 * GB,
        peak_pss=2 * GB,
        sampling_seconds=0.1,
        other_cpu_seconds=0.0,
        nodes=(
            node(name, unit, unit),
            node("ImportSchemaGen", 2 * unit, 0.01),
            node("Transform", 3 * unit, 4 * unit),
            node("Evaluator", 7 * unit, 2 * unit),
        ),
    )


@pytest.fixture
def results() -> Results:
    return Results(
        command="python -m benchmarks",
        day="2026-01-31",
        machine=Machine(
            cpus=2, memory_bytes=16 * GB, system="Linux x86_64", versions={"tfx": "1.16.0"}
        ),
        runs=(
            run("stock", 27_000, 120.0),
            run("taxiway", 27_000, 30.0),
            run("taxiway", 3_367_760, 70.0),
        ),
        checks=(
            Check(rows=27_000, findings=(Finding(what="examples", same=True, detail="3 rows"),)),
        ),
    )
