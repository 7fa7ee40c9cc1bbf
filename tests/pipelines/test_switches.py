"""Whole runs with the other value of each switch on how data is kept, read and computed."""

from __future__ import annotations

import pytest

from tests.conftest import Workspace, taxiway

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.one_stack,
    pytest.mark.xdist_group("pipeline"),
]

SWITCHES = {
    "files as they are": (
        *("data.format=csv", "data.compression=none", "data.shards=1", "data.on_bad_row=drop"),
        *("transform.materialize=true", "data.split={kind: hash}"),
        *("evaluation.confidence={kind: analytic}", "model.hyperparameters.positive_weight=1"),
        *("engine.workers={kind: processes, count: 2}", "notify={kind: none}"),
    ),
    "TFX's own engine": (
        *("engine.default=beam", "data.compression=none", "transform.materialize=true"),
        *("evaluation.confidence={kind: none}", "data.spans={kind: window, length: 2}"),
    ),
}


@pytest.mark.parametrize("name", SWITCHES)
def test_a_run_is_whole_and_its_model_is_pushed(workspace: Workspace, name: str) -> None:
    assignments = SWITCHES[name]
    if "data.format=csv" in assignments:
        made = taxiway("data", *workspace.options, "--set", "data.format=csv")
        assert made.code == 0, made.err
    done = workspace.run(*assignments)
    assert done.code == 0, done.out + done.err
    report = done.report
    assert report["outcome"] == "succeeded"
    assert report["infra"]["blessed"], report["infra"]
    assert report["pushed_to"]
    examples = list(workspace.root.glob("pipelines/*/ArrowExampleGen/examples/*/Split-*/*"))
    assert examples
    assert not [path for path in examples if path.suffix == ".gz"]
