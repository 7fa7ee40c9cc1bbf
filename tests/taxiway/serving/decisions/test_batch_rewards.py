"""Rewards of a file: each row is taken or told with its line, and none is neither."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxiway.errors import ConfigError
from taxiway.serving.decisions.rewards.batch import Taken, take_file
from taxiway.serving.decisions.rewards.joined import joined
from tests.taxiway.serving.decisions.conftest import MODEL, Folder, an_ask, logged

CSV = """request_id,key,value,name,at
r-1,,1.5,,
r-2,,2,reward,2026-03-01T12:00:00Z

"r-3",,many,,
,ann,4,,
r-5,ben,1,,
r-6,,1
"""
JSON_LINES = """{"request_id": "r-1", "value": 1.5}
{"request_id": "r-2", "value": 2, "at": "2026-03-01T12:00:00Z"}

{"request_id": "r-3", "value": "many"}
{"key": "ann", "value": 4}
{"request_id": "r-5", "key": "ben", "value": 1}
{"request_id": "r-6", "value": 1
"""


def parquet(path: Path) -> None:
    noon = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.timezone.utc)
    rows: list[dict[str, Any]] = [
        {"request_id": "r-1", "value": 1.5},
        {"request_id": "r-2", "value": 2.0, "at": noon},
        {"request_id": "r-3", "value": float("nan")},
        {"key": "ann", "value": 4.0},
        {"request_id": "r-5", "key": "ben", "value": 1.0},
        {"request_id": "r-6"},
    ]
    names = ("request_id", "key", "value", "name", "at")
    pq.write_table(pa.table({name: [row.get(name) for row in rows] for name in names}), path)


def taken(folder: Folder, path: Path) -> Taken:
    return asyncio.run(take_file(folder.log(sync="always"), MODEL, path))


@pytest.mark.parametrize(
    ("name", "refused"),
    [("a.csv", [5, 7, 8]), ("a.jsonl", [4, 6, 7]), ("a.parquet", [3, 5, 6])],
)
def test_what_is_no_reward_is_told_with_its_line_and_the_rest_is_kept(
    folder: Folder, tmp_path: Path, name: str, refused: list[int]
) -> None:
    path = tmp_path / name
    if name == "a.parquet":
        parquet(path)
    else:
        path.write_text(CSV if name == "a.csv" else JSON_LINES)
    log = folder.log()
    logged(log, an_ask("r-1"), an_ask("r-2"), an_ask("r-4", key="ann"))
    done = taken(folder, path)
    assert (done.rows, done.accepted, done.refused) == (6, 3, 3)
    assert list(done.reasons) == refused
    assert all(why.startswith(f"line {line}") for line, why in done.reasons.items())
    assert "got both request_id and key" in done.reasons[refused[1]]
    folder.converted()
    found = joined(folder.root, MODEL)
    rows = {one["_taxiway_request_id"]: one["_taxiway_reward"] for one in found.table.to_pylist()}
    assert rows == {"r-1": 1.5, "r-2": 2.0, "r-4": 4.0}
    assert found.unknown == 0


def test_the_same_file_again_counts_once(folder: Folder, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("request_id,value\n" + "".join(f"r-{n},{n}\n" for n in range(2_500)))
    logged(folder.log(), *(an_ask(f"r-{n}") for n in range(2_500)))
    for _ in range(2):
        assert taken(folder, path).accepted == 2_500
    folder.converted()
    found = joined(folder.root, MODEL)
    assert (found.decisions, found.rewarded, found.duplicates) == (2_500, 2_500, 2_500)
    assert sum(found.table.column("_taxiway_reward").to_pylist()) == sum(range(2_500))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.txt", "", "the ending '.txt' says nothing"),
        ("a.csv", "request_id,values\n", "has a column 'values'; did you mean 'value'"),
        ("a.csv", b"request_id,value\n\xff,1\n", "is no CSV"),
        ("a.parquet", "nothing", "is no Parquet"),
    ],
)
def test_a_file_that_is_none_is_refused(
    folder: Folder, tmp_path: Path, name: str, content: str | bytes, told: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=told):
        taken(folder, path)
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        taken(folder, tmp_path / "missing.csv")
