"""Which rows a model is tested on: some of its own, evenly taken, or mock ones."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.errors import ConfigError
from taxiway.testing.sample import LEAST_ROWS, ROWS, make_sample
from tests.conftest import TINY
from tests.tiny.mock import rows


def no_export(folder: Path) -> Config:
    raise AssertionError(f"an export into {folder}")


def config(root: Path, *assignments: str) -> Config:
    return load_config([TINY], [f"output.root={root}", *assignments])


def test_of_the_models_own_spans_rows_are_taken_from_all_over(tmp_path: Path) -> None:
    for span, count in ((1, 20_000), (2, 20_000), (3, 100)):
        path = tmp_path / f"data/tiny/span-{span}/parcels.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(rows(count, seed=span), path)
    origin = make_sample(config(tmp_path), tmp_path / "sample", no_export)
    assert origin == "the model's own spans"
    tables = [
        pq.read_table(tmp_path / f"sample/data/span-{span}/parcels.parquet") for span in (1, 2, 3)
    ]
    assert [table.num_rows for table in tables] == [ROWS // 3, ROWS // 3, 100]
    numbers = [int(key.split("-")[1]) for key in tables[0]["parcel_id"].to_pylist()]
    assert numbers == sorted(set(numbers))
    assert numbers[0] < 10
    assert numbers[-1] > 15_000


def test_lines_of_csv_are_taken_as_they_are(tmp_path: Path) -> None:
    lines = [f'{number},"a, ""b""",NA\r' for number in range(9_000)]
    for span in (1, 2, 3):
        path = tmp_path / f"data/tiny/span-{span}/parcels.csv"
        path.parent.mkdir(parents=True)
        path.write_bytes("\n".join(["id,text,gap\r", *lines]).encode())
    make_sample(config(tmp_path, "data.format=csv"), tmp_path / "sample", no_export)
    taken = (tmp_path / "sample/data/span-2/parcels.csv").read_bytes().decode().split("\n")
    assert taken[0] == "id,text,gap\r"
    assert taken[-1] == ""
    assert set(taken[1:-1]) <= set(lines)
    assert len(taken[1:-1]) == ROWS // 3


def test_without_spans_rows_are_mock_ones_each_key_once(tmp_path: Path) -> None:
    asked = config(tmp_path, "data.spans={kind: window, length: 2, end: 7}")
    assert make_sample(asked, tmp_path / "sample", no_export) == "mock rows"
    files = sorted((tmp_path / "sample" / "data").rglob("*.parquet"))
    assert [path.parent.name for path in files] == ["span-6", "span-7"]
    keys = [key for path in files for key in pq.read_table(path)["parcel_id"].to_pylist()]
    assert len(keys) == len(set(keys)) >= 2 * LEAST_ROWS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Makes a model folder with some of its files; gives its import path."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(*names: str) -> str:
        module = f"model_of_{tmp_path.name}"
        (tmp_path / module).mkdir()
        for name in ("__init__.py", *names):
            (tmp_path / module / name).touch()
        sys.modules.pop(module, None)
        return module

    return make


def test_with_an_export_alone_it_is_called(folder: Callable[..., str], tmp_path: Path) -> None:
    module = folder("export.py")

    def export(place: Path) -> Config:
        for span in (1, 2, 3):
            (place / f"span-{span}").mkdir(parents=True)
            pq.write_table(rows(10, seed=span), place / f"span-{span}" / "new.parquet")
        return config(tmp_path, f"data.root={place}")

    asked = config(tmp_path, f"model.module={module}", "data.schema_file=tests/tiny/schema.pbtxt")
    assert make_sample(asked, tmp_path / "sample", export) == "an export"
    assert pq.read_table(tmp_path / "sample/data/span-3/new.parquet").num_rows == 10


def test_a_model_without_any_rows_is_told_how_to_come_by_some(
    folder: Callable[..., str], tmp_path: Path
) -> None:
    module = folder()
    with pytest.raises(ConfigError) as refused:
        make_sample(config(tmp_path, f"model.module={module}"), tmp_path / "sample", no_export)
    assert f"there is no data below {tmp_path}/data/tiny" in refused.value.message
    assert f"`rows(count, seed)` in {module}/mock.py" in refused.value.edit
