"""Contents of a store that tests make by hand, without ML Metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from taxiway.metadata.records import (
    ArtifactRecord,
    EventRecord,
    ExecutionRecord,
    RunRecord,
    StoreContent,
)

Steps = Sequence[tuple[str, Sequence[int], Sequence[int]]]


def content_of(
    steps: Steps,
    types: Mapping[int, str] | None = None,
    properties: Mapping[int, Mapping[str, Any]] | None = None,
    baselines: Sequence[tuple[int, int]] = (),
) -> StoreContent:
    """A store from its executions.

    Args:
      steps: the run, what is taken and what is put out, for executions 1, 2, and so on.
      types: of artifacts; `Model` where none is named.
      properties: of artifacts.
      baselines: execution and artifact, where that is only compared with.
    """
    ids = sorted({one for _, taken, made in steps for one in (*taken, *made)})
    events = [
        EventRecord(
            number,
            artifact,
            is_input,
            ("baseline_model" if (number, artifact) in baselines else "x",),
        )
        for number, (_, taken, made) in enumerate(steps, start=1)
        for is_input, artifacts in ((True, taken), (False, made))
        for artifact in artifacts
    ]
    return StoreContent(
        {
            one: ArtifactRecord(
                one,
                (types or {}).get(one, "Model"),
                f"/var/pipelines/p/{one}",
                (properties or {}).get(one, {}),
            )
            for one in ids
        },
        {
            number: ExecutionRecord(number, "Node", f"Node{number}", run, "COMPLETE", number * 1000)
            for number, (run, _, _) in enumerate(steps, start=1)
        },
        events,
        {run: RunRecord(run, number * 1000) for number, (run, _, _) in enumerate(steps)},
    )
