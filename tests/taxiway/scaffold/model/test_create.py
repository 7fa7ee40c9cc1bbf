"""`taxiway new model` as a whole, on data sets as people have them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from taxiway.arrow.ingest.dialect import Dialect
from taxiway.arrow.ingest.reading import Source, read_rows
from taxiway.arrow.ingest.rows.columns import read_columns
from taxiway.config.data import Csv
from taxiway.errors import ConfigError, DataError
from taxiway.modeling.spec import Binary, FeatureSpec
from taxiway.modeling.spec.schema import check_spec, feature_kinds, read_schema
from taxiway.scaffold.model.create import Created, create_model
from taxiway.scaffold.model.plan.plan import Wishes
from taxiway.scaffold.model.summary import as_dict
from tests.conftest import REPOSITORY
from tests.taxiway.scaffold.model.corpus import (
    DATA_SETS,
    churn,
    houses,
    penguins,
    spans,
    taxi,
    typed,
)

MOST_TO_READ = 80
RUFF = (
    *("--config", str(REPOSITORY / "pyproject.toml")),
    *("--config", "lint.isort.known-first-party = ['models', 'taxiway']"),  # as in a project
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project without a model."""
    root = tmp_path / "project"
    (root / "configs").mkdir(parents=True)
    shutil.copy(REPOSITORY / "configs" / "base.yaml", root / "configs")
    return root


Make = Callable[..., Created]
ROWS = [f"{row},a note of its own {row}" for row in range(30)]


@pytest.fixture
def make(project: Path, tmp_path: Path) -> Make:
    """Writes a model from a data set of the corpus."""

    def run(write: Callable[[Path], Path], name: str = "mine", **wishes: Any) -> Created:
        folder = tmp_path / "given"
        folder.mkdir(exist_ok=True)
        return create_model(project, name, write(folder), Wishes(**wishes))

    return run


def loaded(path: Path) -> dict[str, Any]:
    """What a module has, without the machinery of imports."""
    found: dict[str, Any] = {"__name__": path.stem}
    exec(compile(path.read_text(), str(path), "exec"), found)
    return found


@pytest.mark.parametrize("name", DATA_SETS)
def test_files_fit_each_other_and_the_data(name: str, make: Make, project: Path) -> None:
    created = make(DATA_SETS[name])
    folder = project / "models" / "mine"
    spec = loaded(folder / "features.py")["SPEC"]
    assert isinstance(spec, FeatureSpec)
    kinds = feature_kinds(read_schema(str(folder / "schema.pbtxt")))
    assert {*spec.apart(), *spec.inputs()} <= set(kinds)
    assert sorted(kinds) == sorted(column.name for column in created.found.columns)
    rows = loaded(folder / "mock.py")["rows"]
    table = rows(50)
    assert sorted(table.column_names) == sorted(kinds)
    assert table.num_rows == 50
    assert rows(50).equals(table)
    assert not rows(50, seed=1).equals(table)
    assert table.column(spec.label).null_count == 0
    config = yaml.safe_load((project / "configs" / "mine.yaml").read_text())
    assert config["model"]["module"] == "models.mine"


@pytest.mark.parametrize("name", DATA_SETS)
def test_the_pipelines_reader_reads_every_row(name: str, make: Make, project: Path) -> None:
    created = make(DATA_SETS[name])
    folder = project / "models" / "mine"
    spec, schema_file = loaded(folder / "features.py")["SPEC"], str(folder / "schema.pbtxt")
    check_spec(spec, read_schema(schema_file), "features.py", "schema.pbtxt")
    columns = read_columns(schema_file, spec.key or "", spec.label, spec.task.derive)
    data = yaml.safe_load((project / "configs" / "mine.yaml").read_text())["data"]
    dialect = Csv(**data.get("csv", {}))
    source = Source(data["format"], Dialect(*dialect.model_dump().values()))
    files = created.found.placed.files
    rows = [batch for file in files for batch in read_rows(str(file), columns, source)]
    assert sum(batch.read for batch in rows) == created.found.rows
    known = {one.name: one.rows - one.missing for one in created.found.columns}
    for column in (*spec.inputs(), spec.label):
        values = [batch.rows.column(batch.rows.schema.get_field_index(column)) for batch in rows]
        found = sum(len(array) - array.null_count for array in values)
        assert found <= known[column]
        if not known[spec.label] < created.found.rows:  # no row is left out for want of a label
            assert found == known[column], column


@pytest.mark.skipif(not shutil.which("ruff", path=Path(sys.executable).parent), reason="no ruff")
def test_formatter_and_linter_have_nothing_to_say(project: Path, tmp_path: Path) -> None:
    for name, write in DATA_SETS.items():
        folder = tmp_path / name
        folder.mkdir()
        create_model(project, name.replace("_", "-"), write(folder), Wishes())
    for words in (("format", "--check"), ("check",)):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--no-cache", *RUFF, "models", "tests"],
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_ten_columns_are_eighty_lines_to_read(make: Make, project: Path) -> None:
    created = make(churn)
    assert len(created.found.columns) == 9
    read = ("models/mine/features.py", "models/mine/schema.pbtxt", "configs/mine.yaml")
    assert sum(len((project / path).read_text().splitlines()) for path in read) < MOST_TO_READ


def test_mock_rows_quote_no_cell_that_names_a_row(make: Make, project: Path) -> None:
    make(churn)
    text = (project / "models" / "mine" / "mock.py").read_text()
    assert "C-00" not in text
    assert "He said" not in text


def test_a_file_that_can_be_read_is_copied_as_it_is(make: Make, project: Path) -> None:
    created = make(penguins)
    (file,) = created.found.placed.files
    assert file == project / "var" / "data" / "mine" / "span-1" / "mine.csv"
    assert file.read_bytes() == created.found.data.given.place.read_bytes()
    config = yaml.safe_load((project / "configs" / "mine.yaml").read_text())
    assert config["data"]["csv"] == {"null_words": ["NA"]}
    assert config["data"]["format"] == "csv"


def test_one_that_cannot_is_written_anew_and_it_is_told_how(make: Make, project: Path) -> None:
    import pyarrow.parquet as pq

    created = make(houses)
    (file,) = created.found.placed.files
    table = pq.read_table(file)
    assert str(table.schema.field("Preis").type) == "double"
    assert table["PLZ"][0].as_py() == "01067"
    assert "'Preis': a decimal comma and '€' around the number" in created.found.repairs
    assert "decimal comma" in (project / "models" / "mine" / "README.md").read_text()


def test_spans_stay_where_they_are_and_the_newest_judges(make: Make, project: Path) -> None:
    created = make(spans)
    config = yaml.safe_load((project / "configs" / "mine.yaml").read_text())
    assert config["data"]["root"] == str(created.found.data.given.place)
    assert config["data"]["spans"] == {"kind": "window", "length": 3}
    assert config["data"]["split"] == {"kind": "time"}
    assert not (project / "var").exists()


def test_files_of_a_folder_are_one_span(make: Make, project: Path) -> None:
    def two(folder: Path) -> Path:
        path = penguins(folder)
        path.rename(folder / "a.csv")
        shutil.copy(folder / "a.csv", folder / "b.csv")
        (folder / "notes.md").write_text("no data")
        return folder

    created = make(two)
    assert created.found.rows == 2 * 344
    below = project / "var" / "data" / "mine" / "span-1"
    assert sorted(path.name for path in below.iterdir()) == ["a.csv", "b.csv"]


def test_what_cannot_be_used_is_left_out_with_its_reason(make: Make) -> None:
    found = as_dict(make(churn))
    assert found["label"] == "churn?"
    assert found["left_out"]["country"] == "'DE' in every row that has a value"
    assert found["left_out"]["notes"] == "no row has a value"
    assert found["left_out"]["state"] == "the label in other words"
    assert any("16 rows have no 'churn?'" in note for note in found["notes"])


def test_a_label_can_be_derived_from_columns_which_are_then_no_features(
    make: Make, project: Path
) -> None:
    created = make(taxi, label="costly", derive="`Fare` > 3 * `Trip Miles`")
    folder = project / "models" / "mine"
    spec = loaded(folder / "features.py")["SPEC"]
    assert spec.task == Binary("costly", derive="`Fare` > 3 * `Trip Miles`")
    assert not {"Fare", "Trip Miles"} & set(spec.inputs())
    kinds = feature_kinds(read_schema(str(folder / "schema.pbtxt")))
    assert (kinds["Fare"], kinds["Trip Miles"], kinds["costly"]) == ("FLOAT", "FLOAT", "INT")
    assert "costly" not in loaded(folder / "mock.py")["rows"](20).column_names
    assert "300 rows have no 'costly': they are left out" in created.found.plan.notes


@pytest.mark.parametrize(
    ("wishes", "told"),
    [
        ({"label": "Fare", "derive": "`Trip Miles` > 3"}, "expected a name that is free"),
        ({"derive": "`Trip Miles` > 3"}, "expected a name that is free"),
        ({"label": "far", "derive": "`Trip Mile` > 3"}, "did you mean 'Trip Miles'"),
        ({"label": "far", "derive": "Company > 3"}, "`>` got a number, expected a text"),
    ],
)
def test_an_expression_that_does_not_fit_is_refused(
    wishes: dict[str, str], told: str, make: Make
) -> None:
    with pytest.raises(ConfigError, match=told):
        make(taxi, **wishes)


def test_types_that_no_example_has_are_left_out_of_the_copy(make: Make) -> None:
    import pyarrow.parquet as pq

    created = make(typed)
    assert "address" not in pq.read_schema(created.found.placed.files[0]).names


@pytest.mark.parametrize("name", ["Houses", "my model", "class", "1st", "a--b", "x" * 51])
def test_a_name_that_cannot_be_one_is_refused(name: str, make: Make, project: Path) -> None:
    with pytest.raises(ConfigError, match="a model's name is small letters"):
        make(penguins, name)
    assert not (project / "models").exists()


def test_nothing_is_overwritten(make: Make, project: Path) -> None:
    make(penguins)
    with pytest.raises(ConfigError, match=r"models/mine is there already"):
        make(penguins)
    shutil.rmtree(project / "models")
    with pytest.raises(ConfigError, match=r"configs/mine.yaml is there already"):
        make(penguins)


def test_what_fails_leaves_nothing_behind(make: Make, project: Path) -> None:
    with pytest.raises(DataError, match="the label 'island note' "):
        make(
            lambda folder: _written(folder / "x.csv", "x,island note", *ROWS),
            label="island note",
        )
    assert [path.name for path in project.iterdir()] == ["configs"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("book.xlsx", b"PK\x03\x04", "save the sheet as CSV"),
        ("all.zip", b"PK\x03\x04", "unpack it first"),
        ("rows.json", b"[]", "write it as CSV or Parquet"),
        ("odd.csv", b"PK\x03\x04 and more", "a zip archive, or a spreadsheet"),
        ("none.csv", b"", "is empty"),
    ],
)
def test_what_is_no_table_is_refused_with_what_helps(
    name: str, content: bytes, told: str, make: Make
) -> None:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    with pytest.raises((ConfigError, DataError), match=told):
        make(write)


def test_a_few_broken_lines_are_dropped_and_many_are_refused(make: Make, project: Path) -> None:
    rows = [f"{row * 7 % 23},{'ab'[row % 2]}" for row in range(100)]
    make(lambda folder: _written(folder / "x.csv", "x,kind", *rows, "1,2,3"))
    text = (project / "configs" / "mine.yaml").read_text()
    assert yaml.safe_load(text)["data"]["on_bad_row"] == "drop"
    assert "line 102: got 3 cells, expected 2" in text
    with pytest.raises(DataError, match="10 of 110 lines have another number of cells"):
        make(lambda folder: _written(folder / "y.csv", "x,kind", *rows, *["1,2,3"] * 10), "other")


def _written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_command_prints_decisions_and_the_next_command(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: Any
) -> None:
    monkeypatch.chdir(project)
    done = here("new", "model", "mine", "--data", str(penguins(tmp_path)))
    assert done.code == 0, done.err
    assert "species (multiclass): its name is that of a label; 3 values" in done.out
    assert done.out.splitlines()[-1].split(maxsplit=1) == ["next", "make run-local CONFIG=mine"]
    told = here("new", "model", "other", "--data", str(tmp_path / "penguins.csv"), "--json")
    assert json.loads(told.out)["columns"]["island"] == "Categorical"
    refused = here("new", "model", "mine", "--data", str(tmp_path / "penguins.csv"))
    assert refused.code == 2
