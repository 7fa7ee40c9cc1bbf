"""`taxiway models verify` and `restore`: what they print, and their exit codes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from taxiway.registry.auth.token_env import TOKEN_ENV
from taxiway.registry.database.session import Database
from taxiway.registry.section import SqliteRegistry
from tests.conftest import TINY, CommandLine, Finished
from tests.taxiway.registry.deploy.folders import registered

Call = Callable[..., Finished]


@pytest.fixture
def models(here: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs `taxiway models ...` on a registry with one version, pushed to `store/1`."""
    monkeypatch.delenv(TOKEN_ENV, raising=False)
    database = Database(SqliteRegistry(kind="sqlite", path=str(tmp_path / "registry.sqlite")))
    registered(database, "one", tmp_path / "store" / "1")
    database.engine.dispose()

    def call(*arguments: str) -> Finished:
        return here("models", *arguments, "-c", TINY, "-s", f"output.root={tmp_path}")

    return call


def test_a_whole_version_is_told_place_by_place(models: Call, tmp_path: Path) -> None:
    done = models("verify", "parcels/1.0.0")
    assert done.code == 0
    assert done.out.splitlines()[1].split() == ["whole", f"{tmp_path}/store/1"]
    assert json.loads(models("verify", "parcels/1.0.0", "--json").out)["is_whole"] is True


def test_a_file_that_was_tampered_with_fails_the_command(models: Call, tmp_path: Path) -> None:
    (tmp_path / "store" / "1" / "saved_model.pb").write_text("other")
    done = models("verify", "parcels/1.0.0")
    assert done.code == 1
    assert "'saved_model.pb' has changed" in done.err
    told = models("verify", "parcels/1.0.0", "--json")
    assert told.code == 1
    assert json.loads(told.out)["places"][0]["state"] == "faulty"


def test_a_version_is_restored_to_a_folder(models: Call, tmp_path: Path) -> None:
    done = models("restore", "parcels/1.0.0", "--to", str(tmp_path / "new"))
    assert done.code == 0
    assert (tmp_path / "new" / "saved_model.pb").read_text() == "graph of one"
    again = models("restore", "parcels/1.0.0", "--to", str(tmp_path / "new"))
    assert again.code == 2
    assert "is not empty" in again.err
    told = models("restore", "parcels/1.0.0", "--to", str(tmp_path / "other"), "--json")
    assert json.loads(told.out)["from"] == str(tmp_path / "store" / "1")


def test_what_clean_up_removed_is_told_with_the_run_that_makes_it_again(
    models: Call, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "store")
    folder = tmp_path / "reports" / "run-of-one"
    folder.mkdir(parents=True)
    (folder / "config.yaml").touch()
    (folder / "report.json").write_text('{"command": "taxiway run training"}')
    done = models("restore", "parcels/1.0.0", "--to", str(tmp_path / "new"))
    assert done.code == 1
    assert "is nowhere whole, and run run-of-one made it" in done.err
    assert f"config: {folder}/config.yaml" in done.err
    assert "command: taxiway run training" in done.err
    assert not (tmp_path / "new").exists()
