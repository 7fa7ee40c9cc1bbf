"""What components declare, and that runners go by it and by no name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from taxiway.runners.nodes.declarations import Declaration, declaration_of, declare
from tests.conftest import REPOSITORY, TINY


def test_an_executor_that_declares_nothing_has_the_defaults() -> None:
    assert declaration_of(object) == declaration_of(None) == Declaration()


def test_an_executor_class_declares_for_itself() -> None:
    @declare(never_cached=True)
    class Executor:
        """An executor."""

    assert declaration_of(Executor) == Declaration(never_cached=True)


@pytest.mark.pipeline
class TestComponents:
    """The real ones, compiled."""

    @pytest.fixture(scope="class")
    def declared(self, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
        from pipelines.training import create_pipeline
        from taxiway.config.loader import load_config
        from taxiway.runners.nodes.ir import compile_pipeline, nodes_of

        root = tmp_path_factory.mktemp("declared")
        ir = compile_pipeline(create_pipeline(load_config([TINY], [f"output.root={root}"])))
        return {node.id: node for node in nodes_of(ir)}

    def test_a_python_function_component_declares_above_its_decorator(
        self, declared: dict[str, Any]
    ) -> None:
        assert "local files" in declared["DataGate"].declared.needs_files

    def test_the_pusher_is_never_cached_and_the_infra_validator_alone(
        self, declared: dict[str, Any]
    ) -> None:
        assert [name for name, node in declared.items() if node.declared.never_cached] == ["Pusher"]
        assert [name for name, node in declared.items() if node.declared.alone] == [
            "InfraValidator"
        ]
        options = declared["Pusher"].pipeline_node.execution_options
        assert not options.caching_options.enable_cache
        assert declared["Trainer"].pipeline_node.execution_options.caching_options.enable_cache

    def test_whatever_gives_a_model_evaluation_gives_metrics(
        self, declared: dict[str, Any]
    ) -> None:
        giving = {name: node.metrics_output for name, node in declared.items()}
        assert {name: key for name, key in giving.items() if key} == {"Evaluator": "evaluation"}


COMPONENTS = (
    *("ArrowExampleGen", "DataGate", "Trainer", "Evaluator", "InfraValidator"),
    *("ModelManifest", "Pusher", "Registrar", "DeployQueue", "RunReport", "Notify"),
)


@pytest.mark.parametrize(
    "path",
    sorted(path for path in (REPOSITORY / "taxiway" / "runners").rglob("*.py")),
    ids=lambda path: path.name,
)
def test_no_runner_knows_a_component_by_name(path: Path) -> None:
    code = re.sub(r'""".*?"""|#[^\n]*', "", path.read_text(), flags=re.S)
    quoted = set(re.findall(r'"(\w+)"', code))
    # Which engine computes the Evaluator is a key of the config, and its preflight asks for it.
    allowed = {"Evaluator"} if path.name == "preflight.py" else set()
    assert quoted & set(COMPONENTS) <= allowed
