"""A FeatureSpec that contradicts itself is refused, and one that does not load says why."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from taxiway.errors import ConfigError
from taxiway.modeling.spec import (
    Binary,
    Bucketized,
    Categorical,
    Crossed,
    FeatureSpec,
    Numeric,
    Timestamp,
    load_spec,
)
from taxiway.modeling.spec.columns import indicator_name, transformed_name
from tests.conftest import TINY
from tests.tiny.features import SPEC

Module = Callable[[str], str]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Module:
    """Makes an importable model package with the given features.py; gives its import path."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(features: str) -> str:
        name = f"model_of_{tmp_path.name}"
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        (tmp_path / name / "features.py").write_text(features)
        importlib.invalidate_caches()
        return name

    return make


def test_a_model_folders_spec_is_found_by_its_import_path() -> None:
    assert load_spec("tests.tiny") is SPEC


def test_a_spec_is_held_against_schema_and_config_without_tensorflow() -> None:
    program = (
        "import sys; from taxiway.config.loader import load_config; "
        f"from taxiway.runners.preflight import check_model; check_model(load_config(['{TINY}'])); "
        "print(sorted({'tensorflow', 'keras', 'tensorflow_transform'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_a_column_may_have_two_roles_and_is_asked_for_once() -> None:
    spec = FeatureSpec(Binary("y"), "id", (Numeric("a"), Bucketized("a", (1.0,))))
    assert spec.inputs() == ("a",)
    assert spec.numbers() == {"a"}
    assert [transformed_name(column) for column in spec.columns] == ["a_number_xf", "a_bucket_xf"]


def test_transformed_names_tell_the_role() -> None:
    assert transformed_name(Categorical("a")) == "a_category_xf"
    assert indicator_name(Numeric("a", indicator=True)) == "a_missing_xf"


def test_inputs_keep_their_order_and_numbers_are_told_from_strings() -> None:
    spec = FeatureSpec(
        Binary("y"),
        "id",
        (Numeric("b"), Numeric("a"), Categorical("c"), Bucketized("d", (0.0, 1.0))),
    )
    assert spec.inputs() == ("b", "a", "c", "d")
    assert spec.numbers() == {"a", "b", "d"}


def test_one_bucket_lies_between_boundaries_one_at_each_end_and_one_is_for_missing() -> None:
    assert Bucketized("a", (1.0,)).width == 3
    assert Bucketized("a", (1.0, 2.0, 3.0)).width == 5


@pytest.mark.parametrize("boundaries", [(), (2.0, 1.0), (1.0, 1.0), (2.0**24, 2.0**24 + 1)])
def test_boundaries_that_do_not_rise_are_refused(boundaries: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match=r"Bucketized 'a': boundaries must rise .* got \("):
        Bucketized("a", boundaries)


def test_a_column_named_twice_in_one_role_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"\['a'\] more than once in the same role"):
        FeatureSpec(Binary("y"), "id", (Numeric("a"), Numeric("b"), Numeric("a", clip=1.0)))


@pytest.mark.parametrize("name", ["y", "w", "id"])
def test_neither_label_nor_weight_nor_key_may_be_learned_from(name: str) -> None:
    told = rf"\['{name}'\] is label, weight or key and cannot be a feature"
    with pytest.raises(ConfigError, match=told):
        FeatureSpec(Binary("y", weight="w"), "id", (Categorical(name), Categorical("a")))


def test_whole_numbers_may_be_a_number_and_a_category_and_are_then_asked_for_exactly() -> None:
    spec = FeatureSpec(Binary("y"), "id", (Numeric("a"), Categorical("a"), Numeric("b")))
    assert spec.numbers() == {"b"}
    assert spec.inputs() == ("a", "b")


def test_all_columns_of_a_cross_and_of_an_age_are_inputs() -> None:
    columns = (Crossed(("a", "b")), Timestamp("t", age_at="u"), Timestamp("v", age_at="2013-01-01"))
    spec = FeatureSpec(Binary("y"), "id", columns)
    assert spec.inputs() == ("a", "b", "t", "u", "v")
    assert spec.sliceable() == ()


@pytest.mark.parametrize(
    ("features", "told"),
    [
        ("SPEC = (", "SyntaxError: .*never closed"),
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("from taxiway.modeling.spec import Numbers", "ImportError: cannot import name 'Numbers'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        (
            "from taxiway.modeling.spec import *\nSPEC = Numeric('y', clp=3)",
            r"TypeError: .*unexpected keyword argument 'clp'(; did|\. Did) you mean 'clip'\?\n",
        ),
    ],
)
def test_a_module_that_does_not_import_is_told_with_its_reason_and_file(
    module: Module, features: str, told: str
) -> None:
    name = module(features)
    with pytest.raises(ConfigError, match=rf"{name}\.features does not import: {told}") as caught:
        load_spec(name)
    assert caught.value.edit == f"model.module, or {name}/features.py"


def test_a_spec_that_cannot_be_is_told_with_the_line_that_makes_it(module: Module) -> None:
    name = module(
        "from taxiway.modeling.spec import *\n"
        "SPEC = FeatureSpec(Binary('y'), 'id', (\n"
        "    Numeric('a', clip=-1),\n"
        "))"
    )
    with pytest.raises(ConfigError) as caught:
        load_spec(name)
    assert caught.value.message == "Numeric 'a': clip is -1, expected a number above 0"
    assert caught.value.edit == f"{name}/features.py, line 3"


def test_a_module_that_is_not_there_is_told_with_the_key() -> None:
    with pytest.raises(ConfigError, match=r"models\.ships\.features does not import") as caught:
        load_spec("models.ships")
    assert caught.value.edit.startswith("model.module")


@pytest.mark.parametrize(("features", "found"), [("", "NoneType"), ("SPEC = {'a': 1}", "dict")])
def test_a_module_without_a_feature_spec_is_told_what_it_has(
    module: Module, features: str, found: str
) -> None:
    name = module(features)
    expected = rf"{name}\.features has no FeatureSpec named SPEC \(found {found}\)"
    with pytest.raises(ConfigError, match=expected) as caught:
        load_spec(name)
    assert caught.value.edit == f"{name}/features.py"
