"""`taxiway models`: what people see of versions, and what they write on them."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert

from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import version_states
from taxiway.registry.section import SqliteRegistry
from tests.conftest import REPOSITORY, TINY, CommandLine, Finished
from tests.taxiway.registry.catalog.rows import add_version

Call = Callable[..., Finished]
EVIL = "\x1b]0;owned\x07 a | b\n<script>"
HEAVY = ("tensorflow", "tfx", "ml_metadata", "apache_beam", "pyarrow", "alembic")
METRICS = {"auc": 0.75, "recall": float("nan")}
FACTS = {
    "data": {"spans": [1, 2], "rows_train": 1200, "rows_eval": 300, "digest": "d" * 64},
    "columns": [{"name": "wind_gust", "type": "number", "domain": {"min": 0}}],
    "ranges": {"wind_gust": {"min": 0.0, "max": 37.5, "missing": 0.25}},
    "training": {"hyperparameters": {"epochs": 4}},
    "evaluation": {
        "overall": {"intervals": {"auc": [0.7, 0.8]}},
        "worst_slices": [{"name": EVIL, "metrics": {"auc": 0.5}}],
        "ranked_by": "auc",
        "slices": 3,
    },
}
BASELINE = {"version": "1.0.0", "metrics": {"auc": 0.7}, "change": {"auc": 0.05}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A registry of two models; parcels, the config's, has three versions."""
    database = Database(SqliteRegistry(kind="sqlite", path=str(tmp_path / "registry.sqlite")))
    with database.working() as connection:
        first = add_version(connection, "parcels/1.0.0", metrics={"auc": 0.7})
        add_version(
            connection,
            "parcels/1.1.0",
            metrics=METRICS,
            facts=FACTS,
            baseline=BASELINE,
            contract={"label": "late", "definition": EVIL, "outputs": {"probability": "number"}},
            reasons={"major": "stayed 1", "minor": "rose from 0: auc", "pipeline": "begins at 0"},
            checks={"evaluator": True, "manifest": False},
            created_at="2026-03-01T12:00:59.000000Z",
            search_text="wind_gust",
        )
        add_version(connection, "parcels/0.9.0", archived=True)
        add_version(connection, "trains/1.0.0", metrics={"rmse": 3.0})
        state = {"environment": "", "state": "approved", "reason": "", "changed_at": "2026"}
        connection.execute(insert(version_states).values(state | {"version_id": first.id}))
    database.engine.dispose()
    return tmp_path


@pytest.fixture
def models(here: CommandLine, folder: Path) -> Call:
    """Runs `taxiway models ...` on that registry."""

    def call(*arguments: str) -> Finished:
        settings = ("model.name=parcels", f"output.root={folder}")
        sets = (part for value in settings for part in ("-s", value))
        return here("models", *arguments, "-c", TINY, *sets)

    return call


class TestList:
    def test_all_models_with_their_newest_version(self, models: Call) -> None:
        lines = models("list").out.splitlines()
        assert lines[0].split()[:3] == ["model", "newest", "state"]
        assert [line.split()[:2] for line in lines[1:]] == [
            ["parcels", "1.1.0"],
            ["trains", "1.0.0"],
        ]
        (parcels, _) = json.loads(models("list", "--json").out)
        assert (parcels["versions"], parcels["archived"]) == (2, 1)

    def test_the_versions_of_a_model_newest_first(self, models: Call) -> None:
        def names(*options: str) -> list[str]:
            rows = json.loads(models("list", "parcels", "--json", *options).out)
            return [row["version"] for row in rows]

        assert names() == ["1.1.0", "1.0.0"]
        assert names("--all") == ["0.9.0", "1.1.0", "1.0.0"]
        assert names("--state", "approved") == ["1.0.0"]
        assert names("--limit", "1") == ["1.1.0"]
        assert names("--sort", "metrics.auc") == ["1.0.0", "1.1.0"]
        table = models("list", "parcels", "--limit", "1")
        assert "parcels/1.1.0" in table.out
        assert "1 of 2 shown" in table.err

    def test_json_has_no_number_that_is_none(self, models: Call) -> None:
        row = json.loads(models("list", "parcels", "--json").out)[0]
        assert row["metrics"] == {"auc": 0.75, "recall": None}

    def test_csv_has_the_columns_that_were_asked_for(self, models: Call) -> None:
        told = models("list", "parcels", "--csv", "--columns", "version,metrics.auc,state").out
        assert list(csv.reader(io.StringIO(told))) == [
            ["version", "metrics.auc", "state"],
            ["1.1.0", "0.75", ""],
            ["1.0.0", "0.7", "approved"],
        ]

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["list", "parsels"], "a model 'parsels'; did you mean 'parcels'?"),
            (["list", "--state", "aproved"], "did you mean 'approved'?"),
            (["list", "parcels", "--sort", "metrics.acu"], "field 'metrics.acu'; did you mean"),
            (["list", "parcels", "--columns", "autor"], "field 'autor'; did you mean 'author'?"),
            (["search", "metrics.auc >"], "at character 14: expected a word or a quoted text"),
            (["search", "metric.auc > 1"], "no field 'metric.auc'; did you mean 'metrics'?"),
            (["show", "1.1.1"], "parcels has no version '1.1.1'; did you mean '1.1.0'?"),
            (["annotate", "parcels", "--field", "owner=x"], "a card is a version's"),
            (["annotate", "1.1.0", "--field", "owner"], "expected key=value, got 'owner'"),
            (["annotate", "1.1.0"], "nothing to write"),
            (["tag", "1.1.0"], "no tag is given"),
            (["alias", "1.1.0", "Champion"], "cannot be an alias"),
        ],
        ids=lambda part: " ".join(part)[:30],
    )
    def test_mistakes_are_refused_with_a_hint(
        self, models: Call, arguments: list[str], told: str
    ) -> None:
        done = models(*arguments)
        assert done.code == 2
        assert told in done.err
        assert done.out == ""


class TestSearch:
    def test_it_finds_by_words_and_by_fields(self, models: Call) -> None:
        assert "parcels/1.1.0" in models("search", "wind", "gust").out
        done = models("search", "metrics.auc > 0.72 or metrics.rmse = 3")
        lines = done.out.splitlines()
        assert lines[0].split()[-2:] == ["metrics.auc", "metrics.rmse"]
        assert [line.split()[0] for line in lines[1:]] == ["trains/1.0.0", "parcels/1.1.0"]

    def test_where_nothing_is_found_a_field_that_nothing_has_is_told(self, models: Call) -> None:
        done = models("search", "metrics.acu > 0")
        assert done.code == 0
        assert "none has metrics.acu; did you mean 'metrics.auc'?" in done.out
        assert json.loads(models("search", "nothing", "--json").out) == []

    def test_help_shows_the_language(self, here: CommandLine) -> None:
        told = here("models", "search", "--help").out
        assert 'taxiway models search "metrics.auc > 0.7 and not tags.owner = ann"' in told
        assert "Operators: = != < <= > >=, ~ (contains), !~" in told


class TestShow:
    def test_a_page_says_why_what_and_where(self, models: Call) -> None:
        page = models("show", "1.1.0").out
        for told in (
            "parcels/1.1.0",
            "rose from 0: auc",
            "0.7000 to 0.8000",
            "+0.0500",
            "0 to 37.5",
            "25.0%",
            "not passed",
            "/serving/parcels/1.1.0",
            "5 of 5 fields",
            "run-parcels-1.1.0",
        ):
            assert told in page
        assert "\x1b" not in page
        assert "\x07" not in page

    def test_json_has_all_of_it(self, models: Call) -> None:
        models("tag", "1.1.0", "ticket=ML-7")
        models("annotate", "1.1.0", "--note", "late again")
        shown = json.loads(models("show", "1.1.0", "--json").out)
        assert shown["version"] == "parcels/1.1.0"
        assert shown["reasons"]["minor"] == "rose from 0: auc"
        assert shown["metrics"] == {"auc": 0.75, "recall": None}
        assert shown["baseline"] == BASELINE
        assert shown["tags"] == {"ticket": "ML-7"}
        assert [note["text"] for note in shown["notes"]] == ["late again"]
        assert "owner" in shown["card_gaps"]
        states = json.loads(models("show", "1.0.0", "--json").out)["states"]
        assert states[""]["state"] == "approved"

    def test_the_card_is_markdown_without_anything_live_in_it(self, models: Call) -> None:
        card = models("show", "1.1.0", "--card").out
        assert card.startswith("# Model card: parcels/1.1.0\n")
        assert "**To be filled in**: who answers for it." in card
        assert "\\<script\\>" in card
        assert "<script>" not in card
        assert "\x1b" not in card


class TestWriting:
    def test_tags_notes_and_fields_are_kept_and_shown_without_escapes(self, models: Call) -> None:
        for done in (
            models("tag", "1.1.0", "owner=ann", f"odd={EVIL}", "-m", "asked"),
            models("tag", "parcels", "team=ops"),
            models("annotate", "1.1.0", "--note", EVIL, "--field", f"limitations={EVIL}"),
            models("search", "tags.odd ~ owned", "--columns", "version,tags.odd,tags.team"),
            models("show", "1.1.0"),
        ):
            assert "\x1b" not in done.out + done.err
            assert "\x07" not in done.out + done.err
        assert json.loads(models("search", "tags.team = ops", "--json").out)[0]["tags"] == {
            "odd": EVIL,
            "owner": "ann",
            "team": "ops",
        }
        assert "parcels/1.1.0: odd=" in models("tag", "1.1.0", "--remove", "owner").out

    def test_a_card_is_taken_over_from_another_version(self, models: Call) -> None:
        models("annotate", "1.0.0", "--field", "owner=ann", "--field", "limitations=snow")
        done = models("annotate", "1.1.0", "--copy", "1.0.0", "--field", "owner=ben")
        assert "still to be filled in: intended_use, out_of_scope, ethical" in done.out
        card = json.loads(models("show", "1.1.0", "--json").out)["card"]
        assert card == {"owner": "ben", "limitations": "snow"}

    def test_aliases_move_and_champion_to_approved_versions_only(self, models: Call) -> None:
        assert models("alias", "1.1.0", "candidate").out == ("parcels@candidate is parcels/1.1.0\n")
        refused = models("alias", "@candidate", "champion")
        assert refused.code == 1
        assert "parcels/1.1.0 is not approved" in refused.err
        assert models("alias", "1.0.0", "champion", "-m", "approved").code == 0
        assert "it was 1.1.0" in models("alias", "@champion", "candidate").out
        assert "candidate 1.0.0, champion 1.0.0" in models("list").out
        assert models("alias", "1.0.0", "candidate", "--remove").code == 0
        assert "candidate" not in models("list").out

    def test_a_config_can_protect_more_aliases(self, models: Call) -> None:
        done = models("alias", "1.1.0", "live", "-s", "registry.protected_aliases=[live]")
        assert done.code == 1
        assert "is not approved" in done.err

    def test_an_archived_version_is_out_of_the_lists_until_it_is_back(self, models: Call) -> None:
        assert models("archive", "1.1.0").code == 2  # without a reason
        assert models("archive", "1.1.0", "-m", "superseded").out == "parcels/1.1.0 is archived\n"
        assert "1.1.0" not in models("list", "parcels").out
        assert "archived" in models("show", "1.1.0").out
        assert models("alias", "1.1.0", "candidate").code == 1
        models("unarchive", "1.1.0", "-m", "needed")
        assert "parcels/1.1.0" in models("list", "parcels").out


def test_the_commands_load_nothing_heavy(folder: Path) -> None:
    commands = [["list"], ["search", "metrics.auc > 0 and wind"], ["show", "parcels/1.1.0"]]
    script = (
        "import sys\n"
        "from typer.main import get_command\n"
        "from taxiway.cli.main import app\n"
        f"for words in {commands!r}:\n"
        f"    words += ['-c', {TINY!r}, '-s', 'output.root={folder}']\n"
        "    get_command(app).main(['models', *words], standalone_mode=False)\n"
        "print('loaded:', *sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    told, _, loaded = done.stdout.rpartition("loaded:")
    assert "parcels/1.1.0" in told
    assert "sqlalchemy" in loaded.split()
    assert set(loaded.split()).isdisjoint(HEAVY)
