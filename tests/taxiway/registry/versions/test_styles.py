"""The other styles of versioning: for each, what any history of pushes becomes."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from taxiway.registry.database.session import Database
from taxiway.registry.versions import Versioning
from taxiway.registry.versions.records import ModelVersion, list_versions, register
from tests.taxiway.registry.conftest import ANN
from tests.taxiway.registry.versions.pushes import PUSHES, candidate, fresh_model, registry, section

STYLES: dict[str, Any] = {
    "semantic": {"kind": "semantic"},
    "pipeline_execution": {"kind": "pipeline_execution"},
    "black_box": {"kind": "black_box"},
    "summer": {"kind": "grouped", "group": "summer"},
    "winter": {"kind": "grouped", "group": "winter"},
}
histories = settings(max_examples=5, deadline=None)


@pytest.fixture(scope="module")
def registries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Database]:
    """One file, opened in each style."""
    folder = tmp_path_factory.mktemp("styles")
    return {name: opened(folder, name) for name in STYLES}


def opened(folder: Path, style: str) -> Database:
    return registry(section(folder, STYLES[style]))


def numbers(versions: list[ModelVersion]) -> list[tuple[int, int, int]]:
    return [one.number for one in versions]


def history(**choices: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Fifty pushes, each to a place of its own."""
    return st.lists(st.fixed_dictionaries(choices), min_size=PUSHES, max_size=PUSHES)


@histories
@given(pushes=history(run=st.integers(0, 30), content=st.integers(0, 5)))
def test_each_run_has_one_version_and_is_counted(
    registries: dict[str, Database], pushes: list[dict[str, int]]
) -> None:
    model = fresh_model()
    made = [
        register(
            registries["pipeline_execution"],
            candidate(model, f"m{push['run']}", run_id=f"run-{push['run']}"),
            ANN,
        )
        for push in pushes
    ]
    runs = list(dict.fromkeys(push["run"] for push in pushes))
    assert [one.name for one in made] == [str(runs.index(push["run"]) + 1) for push in pushes]
    kept = list_versions(registries["pipeline_execution"], model)
    assert numbers(kept) == [(count + 1, 0, 0) for count in range(len(runs))]
    assert kept[0].reasons == {"version": f"run run-{runs[0]} pushed it"}


@histories
@given(pushes=history(mapping=st.integers(0, 20), content=st.integers(0, 200)))
def test_a_mapping_has_one_version_which_is_deployed_again_with_each_push_of_it(
    registries: dict[str, Database], pushes: list[dict[str, int]]
) -> None:
    model = fresh_model()
    seen: list[int] = []
    for place, push in enumerate(pushes):
        mapping = push["mapping"]
        content = f"m{push['content']}-{mapping}"  # the same content answers alike
        pushed = candidate(
            model, content, mapping_digest=f"a{mapping}", pushed_to=f"/serving/{place}"
        )
        version = register(registries["black_box"], pushed, ANN)
        seen += [] if mapping in seen else [mapping]
        assert version.name == str(seen.index(mapping) + 1)
        assert version.candidate.pushed_to == f"/serving/{place}"
        assert version.candidate.model_digest == content
    assert len(list_versions(registries["black_box"], model)) == len(seen)


@histories
@given(pushes=history(group=st.sampled_from(["summer", "winter"]), content=st.integers(0, 20)))
def test_a_group_counts_its_own_contents_from_1(
    registries: dict[str, Database], pushes: list[dict[str, Any]]
) -> None:
    model = fresh_model()
    groups: dict[str, list[int]] = {"summer": [], "winter": []}
    for push in pushes:
        group, content = push["group"], push["content"]
        version = register(registries[group], candidate(model, f"m{content}"), ANN)
        groups[group] += [] if content in groups[group] else [content]
        assert version.name == f"{group}.{groups[group].index(content) + 1}"
    kept = numbers(list_versions(registries["summer"], model))
    assert kept == sorted(set(kept))
    assert len(kept) == sum(map(len, groups.values()))


@histories
@given(pushes=history(style=st.sampled_from(sorted(STYLES)), content=st.integers(0, 200)))
def test_a_model_may_change_its_style_and_numbers_still_rise(
    registries: dict[str, Database], pushes: list[dict[str, Any]]
) -> None:
    model = fresh_model()
    for count, push in enumerate(pushes):
        content = f"m{push['content']}"
        pushed = candidate(model, content, run_id=f"run-{count}", mapping_digest=content)
        version = register(registries[push["style"]], pushed, ANN)
        assert version.candidate.model_digest == content
    kept = list_versions(registries["semantic"], model)
    assert all(one.number < two.number for one, two in itertools.pairwise(kept))
    assert len({one.name for one in kept}) == len(kept)


def test_a_version_says_in_which_style_it_was_numbered(registries: dict[str, Database]) -> None:
    model = fresh_model()
    for name, database in registries.items():
        pushed = candidate(model, name, run_id=name, mapping_digest=name)
        version = register(database, pushed, ANN)
        assert version.style == STYLES[name]["kind"]
        assert all(version.reasons.values())


def test_a_push_that_answers_as_an_earlier_one_is_on_the_audit_with_what_it_replaced(
    registries: dict[str, Database],
) -> None:
    from sqlalchemy import select

    from taxiway.registry.database.tables import audit

    model, database = fresh_model(), registries["black_box"]
    for content in ("m1", "m2"):
        register(database, candidate(model, content, mapping_digest="a", pushed_to=content), ANN)
    with database.reading() as connection:
        query = select(audit).where(audit.c.subject == f"{model}/1")
        (told,) = connection.execute(query.where(audit.c.action == "version.pushed_again"))
    assert '"model_digest":"m1"' in told.before
    assert '"model_digest":"m2"' in told.after


@pytest.mark.parametrize("where", ["", "production"])
def test_where_a_policy_holds_back_an_equal_answer_is_no_approval_of_another_content(
    tmp_path: Path, where: str
) -> None:
    required = {"kind": "required", "reviewers": 2}
    black_box = {"kind": "black_box"}
    guarded = section(tmp_path, black_box, approval=required, environment=where)
    plain = guarded if not where else section(tmp_path, black_box)
    pushed = [candidate(content=one, mapping_digest="a") for one in ("m1", "m2", "m1")]
    names = [register(Database(guarded), pushed[0], ANN).name]
    names += [register(Database(plain), one, ANN).name for one in pushed[1:]]
    assert names == ["1", "2", "1"]


@pytest.mark.parametrize("group", ["", "1.2", "a.b", "a/b", "x" * 64])
def test_a_group_has_a_name_that_no_number_has(group: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Versioning).validate_python({"kind": "grouped", "group": group})
