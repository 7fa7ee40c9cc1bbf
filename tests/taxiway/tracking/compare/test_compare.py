"""Pairs of runs: a comparison names exactly what differs that can matter, and what came of it."""

from __future__ import annotations

import shutil
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from taxiway.config.reference import entries
from taxiway.tracking.compare.compare import compare_runs
from taxiway.tracking.compare.settings import CANNOT_MATTER, SAID_BY_CONTENT
from taxiway.tracking.compare.sources import LONGEST, MOST
from taxiway.tracking.run_record.record import RunRecord, Slice
from tests.taxiway.tracking.compare.records import FEATURES, SOURCE, Project, named

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

RATE = "model.hyperparameters.learning_rate"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with nothing changed since its commit."""
    return Project(tmp_path, monkeypatch)


def test_one_hyperparameter(project: Project) -> None:
    found = project.compare(project.run("a"), project.run("b", f"{RATE}=0.003"))
    assert named(found) == {"config": [RATE]}
    assert found.differences[0].values == ("0.01", "0.003")
    assert found.says == f"they differ in config ({RATE})"


def test_one_span(project: Project) -> None:
    found = project.compare(project.run("a"), project.run("b", spans=(1, 2, 3)))
    assert named(found) == {"data": ["spans", "span-3/rows.csv"]}
    assert found.differences[0].values == ("1-2", "1-3")
    assert found.differences[1].values[0] is None


def test_a_span_with_other_content_under_the_same_name(project: Project) -> None:
    first = project.run("a")
    project.write("spans/span-2/rows.csv", "corrected\n")
    assert named(project.compare(first, project.run("b"))) == {"data": ["span-2/rows.csv"]}


def test_one_feature(project: Project) -> None:
    first = project.run("a")
    project.write(FEATURES, SOURCE.replace("'weight'", "'weight', 'size'"))
    project.columns["size"] = "Numeric()"
    found = project.compare(first, project.run("b"))
    assert named(found) == {"features": ["size"], "code": [FEATURES]}
    assert found.of("features")[0].values == (None, "Numeric()")


def test_a_feature_that_is_taken_in_another_way(project: Project) -> None:
    found = project.compare(
        project.run("a"), project.run("b", features=project.columns | {"weight": "Numeric()"})
    )
    assert named(found) == {"features": ["weight"]}
    assert found.differences[0].values == ("Numeric(clip=5.0)", "Numeric()")


def test_one_line_of_code_with_the_lines_that_differ(project: Project) -> None:
    first = project.run("a")
    project.write(FEATURES, SOURCE.replace("MORE = 3", "MORE = 4"))
    second = project.run("b")
    assert (first.code.dirty, second.code.dirty) == (False, True)
    found = project.compare(first, second)
    assert named(found) == {"code": [FEATURES]}
    assert "-MORE = 3\n+MORE = 4" in found.differences[0].diffs[0]


def test_the_lines_are_known_when_the_file_has_changed_twice_since(project: Project) -> None:
    """One text is the commit's, the other is that with the diff that was recorded."""
    first = project.run("a")
    project.write(FEATURES, SOURCE.replace("MORE = 3", "MORE = 4"))
    second = project.run("b")
    project.write(FEATURES, "all = 'new'\n")
    project.commit()
    diff = project.compare(first, second).differences[0].diffs[0]
    assert "-MORE = 3\n+MORE = 4" in diff


def test_a_file_that_git_did_not_know_is_shown_once_it_is_gone(project: Project) -> None:
    first = project.run("a")
    project.write("models/parcels/net.py", "UNITS = 8\n")
    second = project.run("b")
    (project.root / "models/parcels/net.py").unlink()
    found = project.compare(first, second)
    assert named(found) == {"code": ["models/parcels/net.py"]}
    assert found.differences[0].values[0] is None
    assert "+UNITS = 8" in found.differences[0].diffs[0]


def test_a_text_that_nothing_has_any_more_is_not_guessed(project: Project) -> None:
    first = project.run("a")
    project.write(FEATURES, "lost = 1\n")
    second = project.run("b")
    second = second.model_copy(update={"code": second.code.model_copy(update={"diff": ""})})
    project.write(FEATURES, SOURCE)
    found = project.compare(first, second)
    assert named(found) == {"code": [FEATURES]}
    assert found.differences[0].diffs == ("",)


def test_a_long_diff_is_cut(project: Project) -> None:
    first = project.run("a")
    project.write(FEATURES, "\n".join(map(str, range(10_000))))
    diff = project.compare(first, project.run("b")).differences[0].diffs[0]
    assert len(diff.splitlines()) == LONGEST + 1
    assert diff.endswith("more lines")


def test_of_many_files_all_are_named_and_some_are_shown(project: Project) -> None:
    first = project.run("a")
    for number in range(MOST + 5):
        project.write(f"models/parcels/part_{number:02}.py", "x = 1\n")
    differences = project.compare(first, project.run("b")).differences
    assert len(differences) == MOST + 5
    assert sum(any(one.diffs) for one in differences) == MOST


def test_slices_too_small_to_be_ranked_come_last(project: Project) -> None:
    first = project.run("a")
    few, many = {"example_count": 5.0}, {"example_count": 500.0}
    slices = [
        tuple(Slice(name=name, metrics=one) for name, one in pairs)
        for pairs in (
            (("small", few | {"auc": 0.1}), ("large", many | {"auc": 0.7})),
            (("small", few | {"auc": 0.9}), ("large", many | {"auc": 0.6})),
        )
    ]
    first, second = (first.model_copy(update={"slices": one}) for one in slices)
    found = project.compare(first, second)
    changed = [(one.slice, one.name) for one in found.slices if one.largest]
    assert changed == [("large", "auc"), ("small", "auc")]
    assert found.ranked_by == "auc"


def test_one_package(project: Project) -> None:
    first = project.run("a")
    project.write("requirements.lock", "parcel-tools==1.1.0\n")
    project.install("1.1.0")
    second = project.run("b")
    assert first.packages.lock != second.packages.lock
    found = project.compare(first, second)
    assert named(found) == {"lock": ["parcel-tools"]}
    assert found.differences[0].values == ("1.0.0", "1.1.0")


def test_two_at_once(project: Project) -> None:
    first = project.run("a")
    project.install("1.1.0")
    project.write(FEATURES, SOURCE.replace("MORE = 3", "MORE = 4"))
    found = project.compare(first, project.run("b", f"{RATE}=0.003", spans=(1, 3)))
    assert list(named(found)) == ["config", "data", "code", "lock"]
    assert found.says == (
        f"they differ in config ({RATE}), data (spans, span-2/rows.csv, span-3/rows.csv), "
        f"code ({FEATURES}) and lock (parcel-tools)"
    )


def test_an_edit_of_the_readme_is_nothing(project: Project) -> None:
    first = project.run("a")
    project.write("README.md", "# Another\n")
    project.write("models/parcels/README.md", "# Another\n")
    second = project.run("b")
    project.commit()
    third = project.run("c")
    assert first.code.commit != third.code.commit
    found = project.compare(first, second, third)
    assert found.differences == ()
    assert found.says == "identical: nothing that can matter differs, and no metric does"


def test_where_a_run_puts_what_it_makes_is_nothing(project: Project) -> None:
    """Paths that follow from output.root, and whoever is told, differ too."""
    settings = ("notify.kind=none", "pipeline.cache=false", "serving.port=9000")
    assert project.compare(project.run("a"), project.run("b", *settings)).differences == ()


def test_the_config_counts_where_content_is_not_on_record(project: Project) -> None:
    runs = [project.run(name) for name in ("a", "b")]
    first, second = (
        run.model_copy(update={"data": run.data.model_copy(update={"files": ()})}) for run in runs
    )
    found = project.compare(first, second)
    assert named(found) == {}  # data.root follows from output.root
    moved = second.model_copy(update={"config": {**second.config, "data.root": "/elsewhere"}})
    found = project.compare(first, moved)
    assert named(found) == {"config": ["data.root"]}
    assert found.not_on_record == {"data": ("a", "b")}
    assert found.says.endswith("; not on record, and so not compared: data (of a, b)")


def test_a_run_with_itself_is_identical(project: Project) -> None:
    run = project.run("a")
    assert project.compare(run, run).says == "identical: it is the same run"


def test_metrics_and_slices_have_their_change_and_whether_it_is_for_the_better(
    project: Project,
) -> None:
    first = project.run("a")
    project.metrics = {"auc": 0.8, "binary_crossentropy": 0.6}
    project.slices = {"region=north": {"auc": 0.71}, "region=south": {"auc": 0.5}}
    found = project.compare(first, project.run("b"))
    assert found.says == (
        "nothing that can matter differs, and yet metrics do: auc, binary_crossentropy"
    )
    auc, loss = found.metrics
    assert (auc.values, auc.better, loss.better) == ((0.75, 0.8), "higher", "lower")
    assert auc.changes == (pytest.approx(0.05),)
    assert [one.slice for one in found.slices] == ["region=south", "region=north"]
    (only,) = project.compare(first, project.run("b"), metrics=["auc"]).metrics
    assert only.name == "auc"


def test_three_runs_are_all_compared_with_the_first(project: Project) -> None:
    runs = [project.run(name, f"{RATE}={rate}") for name, rate in (("a", 1), ("b", 1), ("c", 2))]
    found = project.compare(*runs)
    assert found.differences[0].values == ("1.0", "1.0", "2.0")
    assert found.metrics[0].changes == (0.0, 0.0)


def test_records_with_nothing_in_them_can_be_compared() -> None:
    found = compare_runs(
        [RunRecord(run_id="a", outcome="killed"), RunRecord(run_id="b", outcome="")]
    )
    assert found.differences == ()
    assert found.says.startswith("nothing that is on record differs; not on record")


def test_each_key_that_is_left_out_is_one_of_the_config() -> None:
    keys = [entry.key for entry in entries()]
    without_entry = {"registry.kind"}
    for pattern in {*CANNOT_MATTER, *SAID_BY_CONTENT} - without_entry:
        assert any(fnmatchcase(key, pattern) for key in keys), pattern
