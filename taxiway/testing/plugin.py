"""pytest's plugin of the template's tests: which model, its one run, and what tests ask of it."""

from __future__ import annotations

from typing import Any

import pytest

pytest.register_assert_rewrite("taxiway.testing.checks")

from taxiway.errors import TaxiwayError  # noqa: E402  # as is all that follows
from taxiway.modeling.names import EVAL_SPLIT, TRAIN_SPLIT  # noqa: E402
from taxiway.modeling.spec import load_spec  # noqa: E402
from taxiway.testing.answers import Answers, Served  # noqa: E402
from taxiway.testing.asked import load_asked  # noqa: E402
from taxiway.testing.rows import Kinds, Row, as_row  # noqa: E402
from taxiway.testing.run import ModelRun, run_model  # noqa: E402

OPTION = "--model"
NAME = "MODEL"
"""Of the variable with which a test file says which model its tests are of."""
MARKS = {
    "pipeline": "runs a real TFX pipeline or needs TensorFlow",
    "one_stack": "takes long, and is about something that all dependency stacks share",
    "xdist_group(name)": "runs in one process with others of the group",
}


def pytest_configure(config: pytest.Config) -> None:
    """The marks of these tests, for projects that have none of the same name."""
    known = {line.partition(":")[0] for line in config.getini("markers")}
    for name, text in MARKS.items():
        if name not in known:
            config.addinivalue_line("markers", f"{name}: {text}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The model, for test files that do not say it themselves."""
    parser.addoption(
        OPTION, default="", help="of the template's tests: configs/NAME.yaml, or models/NAME"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives tests their model, and those that take a `column` each column of its FeatureSpec."""
    if "model_name" not in metafunc.fixturenames:
        return
    name = getattr(metafunc.module, NAME, "") or metafunc.config.getoption(OPTION)
    if not name:
        raise pytest.UsageError(f"{metafunc.module.__name__}: no model is named ({OPTION} NAME)")
    metafunc.parametrize("model_name", [name], scope="session")
    if "column" in metafunc.fixturenames:
        try:
            columns = load_spec(load_asked(name).model.module).columns
        except TaxiwayError as error:
            raise pytest.UsageError(str(error)) from None
        ids = [f"{type(column).__name__}-{column.name}" for column in columns]
        metafunc.parametrize("column", columns, ids=ids)


@pytest.fixture(scope="session")
def model_run(model_name: str, tmp_path_factory: pytest.TempPathFactory) -> ModelRun:
    """The model's pipeline, run once on some of its rows."""
    try:
        return run_model(model_name, tmp_path_factory.mktemp("model") / "var")
    except TaxiwayError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture(scope="session")
def served_model(model_run: ModelRun) -> Served:
    """The model that the run has exported."""
    return Served(model_run.model)


@pytest.fixture(scope="session")
def kinds(model_run: ModelRun) -> Kinds:
    """The type of each raw column in the curated schema."""
    from taxiway.modeling.spec.schema import feature_kinds, read_schema

    return feature_kinds(read_schema(model_run.schema_file))


@pytest.fixture(scope="session")
def train_rows(model_run: ModelRun) -> list[Row]:
    """The raw rows of the train split."""
    return [as_row(example) for example in model_run.examples(TRAIN_SPLIT)]


@pytest.fixture(scope="session")
def eval_rows(model_run: ModelRun) -> list[Row]:
    """The raw rows of the eval split."""
    return [as_row(example) for example in model_run.examples(EVAL_SPLIT)]


@pytest.fixture(scope="session")
def engineered(model_run: ModelRun, served_model: Served) -> dict[str, Answers]:
    """What Transform makes of each split's rows, by split."""
    return {
        split: served_model.transformed(model_run.examples(split))
        for split in (TRAIN_SPLIT, EVAL_SPLIT)
    }


@pytest.fixture(scope="session")
def eval_answers(model_run: ModelRun, served_model: Served) -> Answers:
    """What the model says of the eval split."""
    return served_model.by_examples(model_run.examples(EVAL_SPLIT))


@pytest.fixture(scope="session")
def eval_labels(model_run: ModelRun, served_model: Served) -> Any:
    """The labels of the eval split."""
    return served_model.labels(model_run.examples(EVAL_SPLIT))
