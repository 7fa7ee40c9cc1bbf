"""A fork: another model folder, with one more feature, through the whole pipeline unchanged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.conftest import REPOSITORY, Workspace
from tests.tiny import features

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.one_stack,
    pytest.mark.xdist_group("pipeline"),
]

ENTRY = 'feature { name: "wind_gust" type: FLOAT presence { min_count: 1 } }\n'


@pytest.fixture
def fork(tmp_path: Path) -> Path:
    """A model folder of its own that differs by one line and one schema entry."""
    source = Path(features.__file__).parent
    folder = tmp_path / "code" / "forked_model"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    lines = (source / "features.py").read_text()
    known = '        Numeric("kilograms"),\n'
    assert known in lines
    new = known + '        Numeric("wind_gust", indicator=True),\n'
    (folder / "features.py").write_text(lines.replace(known, new))
    (folder / "schema.pbtxt").write_text((source / "schema.pbtxt").read_text() + ENTRY)
    return folder


def test_a_new_column_is_one_line_and_a_schema_entry(workspace: Workspace, fork: Path) -> None:
    for path in workspace.root.glob("data/*/*/*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.append_column("wind_gust", table["kilograms"]), path)
    done = workspace.run("model.module=forked_model", env={"PYTHONPATH": str(fork.parent)})
    assert done.code == 0, done.out + done.err
    report = done.report
    assert report["pushed_to"]
    request = {"region": ["west", "west"], "wind_gust": [0.0, 60.0]}
    words = ("-m", "taxiway.serving.worker", "--model", report["pushed_to"])
    answer = subprocess.run(
        [sys.executable, *words, "--once", json.dumps(request)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    calm, stormy = json.loads(answer.stdout)["probability"]
    assert calm != stormy
