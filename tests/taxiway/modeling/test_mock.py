"""Mock rows lie where real ones do, have its corners, and can be learned from."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxiway.modeling.mock import (
    Choices,
    Keys,
    Lists,
    Moments,
    Numbers,
    Texts,
    Values,
    mock_rows,
)

COLUMNS: dict[str, Values] = {
    "id": Keys(),
    "size": Numbers((0.0, 1.0, 2.0, 10.0, 100.0), missing=0.1),
    "count": Numbers((1, 2, 9), whole=True),
    "colour": Choices(("red", "green", "blue")),
    "tags": Lists(("a", "b", "c")),
    "joined": Lists(("a", "b", "c"), separator="|"),
    "day": Moments("2020-01-01", "2020-12-31"),
    "at": Moments("2020-01-01T10:00:00Z", "2020-01-02T10:00:00Z"),
    "remark": Texts(("one", "two", "three"), length=2),
    "bought": Choices((0, 1)),
}


def rows(count: int = 500, seed: int = 0) -> pa.Table:
    return mock_rows(COLUMNS, label="bought", count=count, seed=seed)


def test_the_first_rows_are_the_corners() -> None:
    first, second, third = rows().slice(0, 3).to_pylist()
    assert (first["size"], first["colour"], first["day"]) == (0.0, "red", "2020-01-01")
    assert (second["size"], second["count"], second["at"]) == (100.0, 9, "2020-01-02T10:00:00Z")
    assert third["size"] is None


def test_values_are_of_the_types_that_the_pipeline_reads() -> None:
    types = {name: str(kind) for name, kind in zip(COLUMNS, rows().schema.types, strict=True)}
    assert types["size"] == "double"
    assert types["count"] == types["bought"] == "int64"
    assert types["colour"] == types["joined"] == types["day"] == types["remark"] == "string"
    assert types["tags"].startswith("list")


def test_numbers_have_the_quantiles_that_are_asked_for() -> None:
    size = np.array(rows(5000)["size"].drop_null())
    np.testing.assert_allclose(np.quantile(size, [0.25, 0.5, 0.75]), [1, 2, 10], rtol=0.25)


def test_every_row_has_a_key_of_its_own_whatever_the_seed() -> None:
    keys = [*rows(100, 0)["id"].to_pylist(), *rows(100, 1)["id"].to_pylist()]
    assert len(set(keys)) == 200


def test_the_label_follows_from_the_first_columns() -> None:
    table = rows(2000).filter(pc.is_valid(rows(2000)["size"]))
    size, bought = np.array(table["size"]), np.array(table["bought"])
    assert bought[size > 10].mean() > 0.8
    assert bought[size < 1].mean() < 0.2


def test_no_rows_are_a_table_too() -> None:
    assert rows(0).column_names == list(COLUMNS)
    assert rows(1).num_rows == 1
