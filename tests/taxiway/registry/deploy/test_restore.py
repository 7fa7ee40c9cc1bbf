"""Restoring: the bytes that were pushed, whole or not at all, from wherever they still are."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import insert

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.process.manifest import MANIFEST_FILE
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import deployments, now, runs
from taxiway.registry.deploy import restore as module
from taxiway.registry.deploy.restore import origin_of, restore
from taxiway.registry.deploy.source import first_whole, places
from taxiway.registry.signing.kinds import NoSigning
from taxiway.registry.versions.records import ModelVersion
from tests.taxiway.registry.deploy.folders import registered, saved_model

NONE = NoSigning(kind="none")


@pytest.fixture
def version(file_database: Database, tmp_path: Path) -> ModelVersion:
    """Pushed to one folder, with TFX's own copy in another, and served from a third."""
    made = registered(file_database, "one", tmp_path / "store" / "1", tmp_path / "tfx" / "7")
    for place in ("tfx/7", "serving/3"):
        saved_model(tmp_path / place, "one")
    about = {"model": "parcels", "version": made.name, "environment": "production"}
    who = {"queued_by": "ann", "deployed_by": "ann", "since": now(), "until": ""}
    with file_database.working() as connection:
        values = {**about, **who, "place": str(tmp_path / "serving" / "3"), "reason": ""}
        connection.execute(insert(deployments).values(values))
    return made


def known(database: Database, version: ModelVersion) -> list[str]:
    with database.reading() as connection:
        return places(connection, version)


def content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_bytes_are_those_that_were_pushed(
    file_database: Database, version: ModelVersion, tmp_path: Path
) -> None:
    before = content(tmp_path / "store" / "1")
    target = tmp_path / "new" / "folder"
    assert restore(version, known(file_database, version), target, NONE) == str(
        tmp_path / "store" / "1"
    )
    assert content(target) == before
    assert set(before) == {"saved_model.pb", "variables/variables.index", MANIFEST_FILE}


def test_they_come_from_wherever_they_are_still_whole(
    file_database: Database, version: ModelVersion, tmp_path: Path
) -> None:
    whole = content(tmp_path / "store" / "1")
    looked_at = known(file_database, version)
    expected = ["store/1", "tfx/7", "serving/3"]
    assert looked_at == [str(tmp_path / place) for place in expected]
    shutil.rmtree(tmp_path / "store" / "1")
    (tmp_path / "tfx" / "7" / "saved_model.pb").write_text("tampered with")
    target = tmp_path / "restored"
    assert restore(version, looked_at, target, NONE) == str(tmp_path / "serving" / "3")
    assert content(target) == whole


def test_where_they_are_nowhere_whole_nothing_is_made_and_each_place_is_told(
    file_database: Database, version: ModelVersion, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "store")
    shutil.rmtree(tmp_path / "serving" / "3")
    saved_model(tmp_path / "serving" / "3", "another")
    (tmp_path / "tfx" / "7" / "saved_model.pb").write_text("tampered with")
    with pytest.raises(TaxiwayError) as told:
        restore(version, known(file_database, version), tmp_path / "restored", NONE)
    assert "store/1 is gone" in told.value.message
    assert "'saved_model.pb' has changed" in told.value.message
    assert "serving/3 is another model than parcels/1.0.0" in told.value.message
    assert not (tmp_path / "restored").exists()


def test_a_folder_with_something_in_it_is_left_as_it_is(
    file_database: Database, version: ModelVersion, tmp_path: Path
) -> None:
    target = tmp_path / "mine"
    target.mkdir()
    looked_at = known(file_database, version)
    restore(version, looked_at, target, NONE)  # an empty one is fine
    (target / "saved_model.pb").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty"):
        restore(version, looked_at, target, NONE)
    assert (target / "saved_model.pb").read_text() == "mine"
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigError, match="is no folder"):
        restore(version, looked_at, file, NONE)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="is no folder"):
        restore(version, looked_at, link, NONE)
    with pytest.raises(ConfigError, match="cannot restore"):
        restore(version, looked_at, file / "below", NONE)


def test_what_is_changed_while_it_is_copied_never_appears(
    file_database: Database,
    version: ModelVersion,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def found(*looked_at: object) -> str:
        place = first_whole(*looked_at)  # type: ignore[arg-type]
        (Path(place) / "saved_model.pb").write_text("half")
        return place

    monkeypatch.setattr(module, "first_whole", found)
    with pytest.raises(TaxiwayError, match=r"'saved_model\.pb' has changed"):
        restore(version, known(file_database, version), tmp_path / "a" / "b", NONE)
    assert list((tmp_path / "a").iterdir()) == []


def test_the_run_that_would_make_it_again_is_told_as_far_as_it_is_known(
    file_database: Database, version: ModelVersion, tmp_path: Path
) -> None:
    reports = tmp_path / "reports" / "run-of-one"

    def told() -> list[str]:
        with file_database.reading() as connection:
            return origin_of(connection, version, reports).lines()

    assert told() == []
    reports.mkdir(parents=True)
    (reports / "config.yaml").touch()
    (reports / "report.json").write_text(json.dumps({"command": "taxiway run -c mine"}))
    assert told()[1:] == [f"  config: {reports / 'config.yaml'}", "  command: taxiway run -c mine"]
    row = {"run_id": "run-of-one", "pipeline": "training", "outcome": "succeeded"}
    row |= {"started_at": now(), "indexed_at": now(), "folder": str(reports)}
    facts = {"command": "taxiway run", "git_commit": "c0ffee"}
    with file_database.working() as connection:
        connection.execute(insert(runs).values(**row, seconds=1.0, metrics={}, facts=facts))
    assert told() == [
        "what run run-of-one was started with makes it again:",
        "  commit: c0ffee",
        f"  config: {reports / 'config.yaml'}",
        "  command: taxiway run",
    ]


@pytest.mark.parametrize("text", ["no JSON", "[]"])
def test_a_report_that_cannot_be_read_is_none(
    text: str, file_database: Database, version: ModelVersion, tmp_path: Path
) -> None:
    (tmp_path / "report.json").write_text(text)
    with file_database.reading() as connection:
        assert origin_of(connection, version, tmp_path).lines() == []
