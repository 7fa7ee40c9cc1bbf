"""A version's lineage: what stands for it, what the registry adds, what is left without MLMD."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from taxiway.errors import ConfigError
from taxiway.lineage import collect as collecting
from taxiway.lineage.collect import Lineage, collect
from taxiway.lineage.drawing.picture import picture
from taxiway.lineage.drawing.svg import by_our_layout, dot_source
from taxiway.lineage.printing.plain import as_plain
from taxiway.lineage.printing.text import Shown, as_text
from taxiway.lineage.registered import Served, read_registered
from taxiway.metadata.connection import SqliteMetadata
from taxiway.metadata.records import StoreContent
from taxiway.registry.database import tables
from taxiway.registry.database.session import Database
from tests.taxiway.lineage.stores import content_of

DIGESTS = {"1.0.0": "a" * 64, "1.1.0": "b" * 64}
STEPS = [
    ("first", [], [1]),
    ("first", [1], [2]),
    ("first", [2], [3]),
    ("first", [3], [4]),
    ("second", [1], [5]),
    ("second", [5, 2], [6]),
    ("second", [5, 6], [7]),
    ("second", [7, 6], [8]),
    ("third", [3], [9]),
    ("second", [1], [10]),
]
TYPES = {
    **{1: "Examples", 2: "Model", 3: "PushedModel", 4: "ModelVersion", 5: "Model"},
    **{6: "ModelBlessing", 7: "PushedModel", 8: "ModelVersion", 9: "ModelVersion"},
    10: "GateDecision",
}
PROPERTIES: dict[int, dict[str, Any]] = {
    1: {"input_fingerprint": "spans:1-3,", "digest": "cc" * 8},
    4: {"model_name": "flights", "version_name": "1.0.0", "digest": DIGESTS["1.0.0"]},
    8: {"model_name": "flights", "version_name": "1.1.0", "digest": DIGESTS["1.1.0"]},
    9: {"model_name": "flights", "version_name": "1.0.0", "digest": DIGESTS["1.0.0"]},
}


def version(name: str, run_id: str, **values: Any) -> dict[str, Any]:
    major, minor, pipeline = map(int, name.split("."))
    texts = ("contract_digest", "pipeline_digest", "pushed_to", "author")
    objects = ("contract", "reasons", "baseline", "metrics", "facts", "checks")
    return {
        **{"model": "flights", "name": name, "run_id": run_id, "model_digest": DIGESTS[name]},
        **{"major": major, "minor": minor, "pipeline": pipeline, "created_at": tables.now()},
        **dict.fromkeys(texts, ""),
        **{one: {} for one in objects},
        **values,
    }


def fill(database: Database) -> None:
    """Two versions, of which the first served until the second did."""
    deployment = {"model": "flights", "queued_by": "ann", "deployed_by": "ben"}
    with database.working() as connection:
        for one in (version("1.0.0", "first", facts={"rows": 7}), version("1.1.0", "second")):
            connection.execute(insert(tables.model_versions).values(one))
        ids = {
            row.name: row.id
            for row in connection.execute(
                select(tables.model_versions.c.name, tables.model_versions.c.id)
            )
        }
        for name, since, until in (
            ("1.0.0", "2026-03-01T12:00:00.000000Z", "2026-03-02T12:00:00.000000Z"),
            ("1.1.0", "2026-03-02T12:00:00.000000Z", ""),
        ):
            row = {"version": name, "place": f"/serving/{name}", "since": since, "until": until}
            connection.execute(insert(tables.deployments).values(deployment | row))
        about = {"version_id": ids["1.1.0"], "changed_at": tables.now()}
        connection.execute(
            insert(tables.aliases).values(about | {"model": "flights", "alias": "champion"})
        )
        connection.execute(
            insert(tables.version_states).values(about | {"environment": "", "state": "approved"})
        )
        queued = {"model": "flights", "version": "1.1.0", "environment": "eu", "pushed_to": "x"}
        connection.execute(insert(tables.deploy_queue).values(queued))


@pytest.fixture
def content(monkeypatch: pytest.MonkeyPatch) -> StoreContent:
    found = content_of(STEPS, TYPES, PROPERTIES, baselines=[(6, 2)])
    monkeypatch.setattr(collecting, "_content", lambda _: found)
    return found


Ask = Callable[[str], Lineage]


@pytest.fixture
def ask(content: StoreContent, file_database: Database) -> Ask:
    fill(file_database)
    metadata = SqliteMetadata(kind="sqlite", path="unused")
    return lambda subject: collect(subject, "flights", metadata, file_database)


def test_the_registry_says_where_a_version_stands_and_served(database: Database) -> None:
    fill(database)
    with database.reading() as connection:
        first, second = read_registered(connection, ["flights", "flights"])
        assert read_registered(connection, ["trains"]) == []
    assert (first.subject, first.run_id, first.aliases, first.states) == (
        *("flights/1.0.0", "first"),
        *((), ()),
    )
    assert first.served[0].until == "2026-03-02T12:00:00.000000Z"
    assert second.aliases == ("champion",)
    assert second.states == (("", "approved"),)
    assert second.served == (Served("", "/serving/1.1.0", "2026-03-02T12:00:00.000000Z", ""),)
    assert second.queued == ("eu",)


def test_a_version_is_what_the_run_that_made_it_has_registered(ask: Ask) -> None:
    found = ask("1.0.0")
    assert found.starts == (4,)
    assert found.pushed_again == (9,)
    assert found.backwards is not None
    assert found.backwards.artifacts == (1, 2, 3, 4)
    assert found.forwards is None


def test_a_baseline_is_part_of_what_a_version_is_made_of(ask: Ask) -> None:
    found = ask("flights@champion")
    assert found.subject == "flights/1.1.0"
    assert found.backwards is not None
    assert found.backwards.artifacts == (1, 2, 5, 6, 7, 8)
    assert found.beside == (10,)


def test_its_text_stops_at_the_baseline_and_names_its_version(ask: Ask) -> None:
    text = as_text(ask("1.1.0"), Shown("/var"))
    (line,) = [line for line in text.splitlines() if "baseline Model #2" in line]
    assert "flights/1.0.0, run first, made of 1 more" in line
    assert "spans 1-3" in text
    assert "approved, @champion" in text
    assert "served 2026-03-02 12:00 to now, /serving/1.1.0" in text
    assert "GateDecision #10" in text
    assert text.count("Examples #1 ") == 1


def test_its_text_can_have_all(ask: Ask) -> None:
    short, whole = (as_text(ask("1.1.0"), Shown("/var", every=every)) for every in (False, True))
    assert short.count("Model #2 ") == 1
    assert whole.count("Model #2 ") == 2
    assert "Examples" not in as_text(ask("1.1.0"), Shown("/var", depth=2))


def test_a_span_went_into_versions_and_where_they_served(ask: Ask) -> None:
    found = ask("span:2")
    assert found.forwards is not None
    assert set(found.forwards.artifacts) == set(TYPES)
    text = as_text(found, Shown("/var"))
    assert "span:2 went into 2 registered versions" in text
    assert "flights/1.0.0  served 2026-03-01 12:00 to 2026-03-02 12:00" in text
    assert "GateDecision" not in text


def test_what_was_only_compared_is_told_apart(ask: Ask) -> None:
    found = ask("artifact:2")
    made, _, compared = as_text(found, Shown("/var")).partition("only compared")
    assert "artifact:2 went into 1 registered version\n" in made
    assert "flights/1.1.0" in compared
    versions = {one["artifact"]: one["only_compared"] for one in as_plain(found)["versions"]}
    assert versions == {4: False, 9: False, 8: True}


def test_another_models_digest_is_not_the_registrys_version(
    ask: Ask, content: StoreContent
) -> None:
    content.artifacts[4].properties["digest"] = "c" * 64  # type: ignore[index]  # a dict
    assert 4 not in ask("span:2").versions
    assert ask("1.0.0").starts == (9,)


def test_without_ml_metadata_the_registry_tells_what_it_has(
    file_database: Database, tmp_path: Path
) -> None:
    fill(file_database)
    metadata = SqliteMetadata(kind="sqlite", path=str(tmp_path / "gone.sqlite"))
    found = collect("1.0.0", "flights", metadata, file_database)
    text = as_text(found, Shown("/var"))
    assert "there is no ML Metadata at" in text
    assert "first" in text
    assert "rows       7" in text
    assert as_plain(found)["missing"]
    assert not (tmp_path / "gone.sqlite").exists()
    with pytest.raises(ConfigError, match="there is no ML Metadata at"):
        collect("span:3", "flights", metadata, file_database)


def test_a_kind_that_there_is_not_is_told(ask: Ask) -> None:
    with pytest.raises(ConfigError, match=r"'spam' is no kind of subject; did you mean 'span'"):
        ask("spam:3")


def test_nothing_in_it_can_move_the_cursor(ask: Ask, content: StoreContent) -> None:
    content.artifacts[1].properties["digest"] = "\x1b[2J\n<b>"  # type: ignore[index]  # a dict
    found = ask("1.1.0")
    assert "\x1b" not in as_text(found, Shown())
    drawn = picture(found, Shown())
    for text in (by_our_layout(drawn), dot_source(drawn)):
        assert "\x1b" not in text
    assert "&lt;b&gt;" in by_our_layout(drawn)
