"""The record of a run that the index knows: what is in its folder, or what the index has of it."""

from __future__ import annotations

from pathlib import Path

from taxiway.registry.runs import UNFINISHED, IndexedRun
from taxiway.tracking.run_record.files import read_record
from taxiway.tracking.run_record.record import Code, Cost, Data, RunRecord, Slice


def record_of(run: IndexedRun) -> RunRecord:
    """All that is on record of a run; of a run of an older release, or whose folder is gone, less.

    The end of a run that could not write it down itself is what the index has found out.
    """
    record = read_record(Path(run.folder))
    if record is None:
        return _from_index(run)
    if record.outcome == UNFINISHED != run.outcome:
        return record.model_copy(update={"outcome": run.outcome, "reason": run.failure})
    return record


def _from_index(run: IndexedRun) -> RunRecord:
    facts = run.facts
    cost = Cost(core_hours=facts.get("core_hours", 0.0), amount=facts.get("cost", 0.0))
    return RunRecord(
        run_id=run.run_id,
        pipeline=run.pipeline,
        model=run.model,
        version=run.version,
        runner=str(facts.get("runner") or ""),
        command=str(facts.get("command") or ""),
        started_at=run.started_at,
        seconds=run.seconds,
        outcome=run.outcome,
        reason=run.failure,
        config=run.params,
        code=Code(commit=str(facts.get("commit") or "")),
        data=Data(spans=str(facts.get("spans") or "")),
        cost=cost,
        metrics=run.metrics,
        slices=tuple(Slice(name=name, metrics=values) for name, values in run.slices.items()),
        report=str(facts.get("report") or ""),
    )
