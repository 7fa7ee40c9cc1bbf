"""The hyperparameters as files: the same values are the same folder, and always whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.modeling.inputs import (
    HYPERPARAMETERS_FILE,
    hyperparameter_properties,
    hyperparameters_folder,
    schema_properties,
    write_inputs,
)
from tests.conftest import TINY


def config(root: Path, *assignments: str) -> Config:
    return load_config([TINY], [f"output.root={root}", *assignments])


def written(root: Path) -> Path:
    return Path(hyperparameters_folder(config(root))) / HYPERPARAMETERS_FILE


def test_the_file_holds_the_values_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    write_inputs(config(tmp_path))
    values = config(tmp_path).model.hyperparameters.model_dump(mode="json")
    assert json.loads(written(tmp_path).read_text()) == values
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [written(tmp_path)]


def test_the_same_values_are_the_same_folder_whatever_else_changes(tmp_path: Path) -> None:
    same = config(tmp_path, "evaluation.min_slice_rows=7", "model.hyperparameters.epochs=5")
    other = config(tmp_path, "model.hyperparameters.epochs=6")
    assert hyperparameters_folder(same) == hyperparameters_folder(config(tmp_path))
    assert hyperparameters_folder(other) != hyperparameters_folder(config(tmp_path))


def test_what_is_written_already_is_not_touched(tmp_path: Path) -> None:
    write_inputs(config(tmp_path))
    before = written(tmp_path).stat()
    write_inputs(config(tmp_path))
    after = written(tmp_path).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_file_that_was_damaged_is_written_again(tmp_path: Path) -> None:
    write_inputs(config(tmp_path))
    whole = written(tmp_path).read_text()
    written(tmp_path).write_text(whole[:10])
    write_inputs(config(tmp_path))
    assert written(tmp_path).read_text() == whole


def test_a_write_that_fails_leaves_no_half_file_to_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_text

    def full(path: Path, text: str, **options: Any) -> int:
        write(path, text[:10], **options)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_inputs(config(tmp_path))
    assert list(Path(hyperparameters_folder(config(tmp_path))).iterdir()) == []


def test_each_value_is_a_property_that_reads_back(tmp_path: Path) -> None:
    hyperparameters = config(tmp_path).model.hyperparameters
    properties = hyperparameter_properties(config(tmp_path))
    read = {key: json.loads(value) for key, value in properties.items()}
    assert type(hyperparameters).model_validate(read) == hyperparameters


def test_what_the_curated_schema_holds_is_told_apart(tmp_path: Path) -> None:
    told = []
    for content in ("one", "other", "one"):
        schema = tmp_path / "schema.pbtxt"
        schema.write_text(content)
        told.append(schema_properties(load_config([TINY], [f"data.schema_file={schema}"])))
    assert told[0] == told[2] != told[1]
    schema.unlink()
    assert schema_properties(load_config([TINY], [f"data.schema_file={schema}"])) == {}
