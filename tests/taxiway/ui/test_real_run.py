"""What a real run of the pipeline leaves behind, in a browser: its record, report and lineage."""

from __future__ import annotations

import pytest

from taxiway.registry.database.session import open_database
from tests.conftest import Run
from tests.taxiway.ui.conftest import Ui


@pytest.mark.pipeline
@pytest.mark.one_stack
def test_a_run_is_shown_with_its_report_and_its_version_with_its_lineage(
    first_run: Run, second_run: Run
) -> None:
    workspace, report = first_run
    config = workspace.config()
    ui = Ui(config, open_database(config.registry))
    first, second = report["run_id"], second_run[1]["run_id"]
    run = ui.ask(f"/runs/{first}.json").json()
    assert run["outcome"] == "succeeded"
    assert run["has_report"]
    assert "Trainer" in {node["node"] for node in run["record"]["nodes"]}
    assert "<html" in ui.ask(f"/runs/{first}/report").text
    assert ui.ask(f"/compare.json?run={first}&run={first}").json()["says"].startswith("identical")
    assert ui.ask(f"/compare?run={first}&run={second}").status_code == 200

    version = run["record"]["version"]
    assert version in ui.ask("/models.json").json()["models"][0]["newest"]
    drawn = ui.ask(f"/lineage.svg?subject=tiny/{version}")
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    for word in ("Examples", "Schema", "Model", f"tiny/{version}"):
        assert word in drawn.text
    page = ui.ask(f"/lineage?subject=tiny/{version}").text
    assert '<img src="data:image/svg+xml;base64,' in page
    assert ui.ask("/lineage.svg?subject=span:99").status_code == 400
    assert ui.ask(f"/models/tiny/{version}").status_code == 200
