"""Real runs of the tiny pipeline: the same twice is identical, and one value is one key."""

from __future__ import annotations

import json

import pytest

from taxiway.registry.database.session import open_database
from tests.conftest import CommandLine, Run, Workspace

pytestmark = pytest.mark.pipeline
RATE = "model.hyperparameters.learning_rate"


def test_a_run_with_nothing_changed_is_identical(
    first_run: Run, second_run: Run, here: CommandLine
) -> None:
    workspace, first = first_run
    ids = (first["run_id"], second_run[1]["run_id"])
    told = here("runs", "compare", *ids, *workspace.options)
    assert told.out.splitlines()[0] == (
        "identical: nothing that can matter differs, and no metric does"
    )
    found = json.loads(here("runs", "compare", *ids, "--json", *workspace.options).out)
    assert (found["differences"], found["not_on_record"]) == ([], {})
    assert found["slices"]
    open_database.cache_clear()


@pytest.mark.one_stack
def test_one_hyperparameter_is_all_that_differs(
    shared_workspace: Workspace, here: CommandLine
) -> None:
    before = shared_workspace.run()  # nothing is new; the registry may be, after other tests
    done = shared_workspace.run(f"{RATE}=0.02")
    then, run_id = before.report["run_id"], done.report["run_id"]
    options = shared_workspace.options
    open_database.cache_clear()
    compared = here("runs", "compare", then, run_id, "--json", *options)
    assert compared.code == 0, compared.err
    found = json.loads(compared.out)
    assert [(one["name"], one["values"]) for one in found["differences"]] == [
        (RATE, ["0.01", "0.02"])
    ]
    assert found["not_on_record"] == {}
    assert any(one["changes"] != [0.0] for one in found["metrics"])
    listed = here("runs", "list", f"params.{RATE} = 0.02", "--json", *options)
    assert run_id in [row["run"] for row in json.loads(listed.out)]
    open_database.cache_clear()
