"""What pages show, that each has a JSON form, and that what people wrote is nothing but text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taxiway.registry.catalog.labels import Subject, add_note
from tests.taxiway.registry.conftest import ANN
from tests.taxiway.ui.conftest import HOSTILE, Ui, opened, record

PATHS = (
    "/runs",
    "/runs?q=metrics.auc+%3E+0.5&sort=-metrics.auc&columns=tags.owner",
    "/runs/20260301-a",
    "/compare",
    "/compare?run=20260301-a&run=20260301-b",
    "/models",
    "/models?q=state+%3D+pending",
    "/models/parcels",
    "/models/parcels/1.0.0",
    "/lineage",
    "/lineage?subject=parcels%2F1.0.0",
    "/audit",
    "/audit?subject=parcels&action=version&since=7d",
    "/api",
)


def as_json(path: str) -> str:
    before, mark, after = path.partition("?")
    return f"{before}.json{mark}{after}"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    """Two runs that differ in one hyperparameter, a version that waits, and text that is markup."""
    ui = opened(tmp_path_factory.mktemp("full"))
    other = {"model.hyperparameters.learning_rate": 0.001, "model.name": "parcels"}
    ui.run("20260301-a", record=record("20260301-a"))
    ui.run(
        "20260301-b",
        record=record("20260301-b", config=other, metrics={"auc": 0.8}),
        started_at="2026-03-01T13:00:00.000000Z",
        metrics={"auc": 0.8},
    )
    ui.tag("20260301-a", "owner", HOSTILE)
    add_note(ui.database, Subject("run", "20260301-a"), HOSTILE, ANN)
    version = ui.version(run_id="20260301-a", facts={"data": {"spans": [HOSTILE]}})
    add_note(ui.database, Subject("version", version.subject), HOSTILE, ANN)
    yield ui
    ui.database.close()


@pytest.mark.parametrize("path", PATHS)
def test_every_view_is_a_page_and_the_same_as_json(full: Ui, path: str) -> None:
    page = full.ask(path, headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.status_code == 200, page.text
    assert page.headers["content-type"].startswith("text/html")
    by_path, by_header = (
        full.ask(as_json(path)),
        full.ask(path, headers={"accept": "application/json"}),
    )
    assert by_path.headers["content-type"] == by_header.headers["content-type"]
    assert by_path.json() == by_header.json()
    if path not in ("/lineage", "/compare", "/api"):  # where nothing was asked for
        assert f'<a href="{as_json(path).replace("&", "&amp;")}">' in page.text


@pytest.mark.parametrize("path", PATHS)
def test_what_people_wrote_is_text_and_no_page_may_run_anything(full: Ui, path: str) -> None:
    page = full.ask(path)
    assert "<script" not in page.text
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert "script-src" not in policy
    assert page.headers["cache-control"] == "no-store"


class TestRuns:
    def test_they_are_found_by_a_filter_and_sorted(self, full: Ui) -> None:
        rows = full.ask("/runs.json?q=metrics.auc+%3E+0.7&sort=metrics.auc").json()["runs"]["rows"]
        assert [row["run"] for row in rows] == ["20260301-a", "20260301-b"]
        rows = full.ask("/runs.json?q=metrics.auc+%3E+0.77").json()["runs"]["rows"]
        assert [row["run"] for row in rows] == ["20260301-b"]
        assert rows[0]["metrics"] == {"auc": 0.8}

    def test_a_filter_that_is_not_understood_is_told_and_stays_to_be_mended(self, full: Ui) -> None:
        page = full.ask("/runs?q=metrics.auc+%3E+%3E")
        assert page.status_code == 400
        assert "the filter is not understood at character" in page.text
        assert 'value="metrics.auc &gt; &gt;"' in page.text
        told = full.ask("/runs.json?q=outcom+%3D+failed")
        assert (told.status_code, "did you mean 'outcome'?" in told.json()["error"]) == (400, True)

    def test_a_long_list_is_turned_over_by_links_that_keep_what_was_asked(self, full: Ui) -> None:
        page = full.ask("/runs.json?q=parcels&limit=1").json()["runs"]
        assert (page["total"], page["pages"], page["previous"]) == (2, 2, "")
        assert page["next"] == "/runs?q=parcels&limit=1&page=2"
        last = full.ask(page["next"], headers={"accept": "application/json"}).json()["runs"]
        assert (last["next"], last["previous"]) == ("", "/runs?q=parcels&limit=1")
        assert {page["rows"][0]["run"], last["rows"][0]["run"]} == {"20260301-a", "20260301-b"}

    def test_one_is_named_by_its_first_characters_and_by_latest(self, full: Ui) -> None:
        assert full.ask("/runs/latest.json").json()["run"] == "20260301-b"
        missing = full.ask("/runs/20260302.json")
        assert (missing.status_code, "there is no run" in missing.json()["error"]) == (404, True)

    def test_its_page_has_what_is_on_record(self, full: Ui) -> None:
        text = full.ask("/runs/20260301-a").text
        for word in ("Trainer", "region=north", "val_loss", "learning_rate", "owner", "succeeded"):
            assert word in text
        assert full.ask("/runs/20260301-a.json").json()["record"]["nodes"][0]["cpu_seconds"] == 20.1

    def test_a_run_of_which_only_the_index_is_left_is_shown_as_well(self, ui: Ui) -> None:
        ui.run("old", facts={"lacks": ["its folder is gone: no metrics"]})
        assert "its folder is gone: no metrics" in ui.ask("/runs/old").text


class TestCompare:
    def test_it_names_what_differs_and_nothing_else(self, full: Ui) -> None:
        told = full.ask("/compare.json?run=20260301-a&run=20260301-b").json()
        assert [one["name"] for one in told["differences"]] == [
            "model.hyperparameters.learning_rate"
        ]
        assert told["metrics"][0]["changes"] == [pytest.approx(0.05)]
        page = full.ask("/compare?run=20260301-a&run=20260301-b").text
        assert "they differ in config (model.hyperparameters.learning_rate)" in page
        assert "+0.05 better" in page

    def test_a_run_is_identical_with_itself(self, full: Ui) -> None:
        assert (
            full.ask("/compare.json?run=20260301-a&run=20260301-a")
            .json()["says"]
            .startswith("identical")
        )


class TestReport:
    def test_it_may_do_nothing_but_be_read(self, full: Ui) -> None:
        path = Path(full.config.output.report_folder("20260301-a")) / "report.html"
        path.write_text("<style>p { color: red }</style><p>a report")
        answer = full.ask("/runs/20260301-a/report")
        assert answer.text.endswith("<p>a report")
        (policy,) = answer.headers.get_list("content-security-policy")
        assert policy.endswith("sandbox")
        assert "script" not in policy
        assert '<a href="/runs/20260301-a/report">' in full.ask("/runs/20260301-a").text

    @pytest.mark.parametrize("name", ["..", "%2e%2e", "..%2f..%2fetc", "20260301-a%2f.."])
    def test_no_address_leads_out_of_the_index(self, full: Ui, name: str) -> None:
        assert full.ask(f"/runs/{name}/report").status_code == 404

    def test_a_link_in_its_place_is_not_followed(self, full: Ui, tmp_path: Path) -> None:
        secret = tmp_path / "secret.html"
        secret.write_text("secret")
        path = Path(full.config.output.report_folder("20260301-b")) / "report.html"
        path.symlink_to(secret)
        assert full.ask("/runs/20260301-b/report").status_code == 404


class TestModels:
    def test_versions_of_all_models_are_found_by_a_filter(self, full: Ui) -> None:
        found = full.ask("/models.json?q=state+%3D+pending").json()["versions"]["rows"]
        assert [(row["model"], row["version"]) for row in found] == [("parcels", "1.0.0")]
        assert full.ask("/models.json?q=state+%3D+approved").json()["versions"]["rows"] == []

    def test_a_version_has_its_card_its_state_and_its_changes(self, full: Ui) -> None:
        page = full.ask("/models/parcels/1.0.0").text
        for word in ("To be filled in", "Intended use", "pending", "version.registered"):
            assert word in page
        assert full.ask("/models/parcels/9.9.9").status_code == 404
        assert full.ask("/models/flights").status_code == 404


class TestAudit:
    def test_older_entries_follow_by_a_link(self, full: Ui) -> None:
        first = full.ask("/audit.json?limit=1").json()
        second = full.ask(first["next"], headers={"accept": "application/json"}).json()
        numbers = [one["entries"][0]["sequence"] for one in (first, second)]
        assert numbers[0] == numbers[1] + 1

    def test_a_time_that_is_none_is_refused(self, full: Ui) -> None:
        assert full.ask("/audit.json?since=yesterday").status_code == 400


def test_the_openapi_document_has_every_json_form_and_loads_nothing(full: Ui) -> None:
    document: dict[str, Any] = full.ask("/openapi.json").json()
    assert {"/runs.json", "/runs/{run}.json", "/compare.json", "/models.json", "/audit.json"} < set(
        document["paths"]
    )
    assert [path for path in document["paths"] if not path.endswith((".json", ".svg"))] == []
    assert "4XX" in document["paths"]["/runs.json"]["get"]["responses"]
    page = full.ask("/api").text
    assert "/models/{model}/{version}/{decision}.json" in page


def test_a_number_that_is_none_is_null(ui: Ui) -> None:
    ui.run("odd", metrics={"auc": float("nan"), "loss": float("inf")})
    (row,) = ui.ask("/runs.json").json()["runs"]["rows"]
    assert row["metrics"] == {"auc": None, "loss": None}


def test_what_is_no_page_is_told_so(ui: Ui) -> None:
    assert ui.ask("/nowhere").status_code == 404
    assert ui.ask("/runs", method="HEAD").status_code == 200
    refused = ui.ask("/runs.json?page=none")
    assert (refused.status_code, "page" in refused.json()["error"]) == (400, True)
