"""Every component of the training and exit pipelines, held to the same rules in one table."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from taxiway.config.loader import load_config
from tests.conftest import REPOSITORY, TINY

SECRET = "T0KEN-that-no-one-may-read"
STANDARD = (
    "StatisticsGen",
    "SchemaGen",
    "ExampleValidator",
    "Transform",
    "Trainer",
    "Evaluator",
    "Pusher",
)
OURS_IN_PLACE_OF_STANDARD = ("ArrowExampleGen", "InfraValidator")
DELIVERY = ("Pusher", "Registrar", "DeployQueue")
WITHOUT_EXECUTOR = ("tfx.dsl.components.common.importer", "tfx.dsl.components.common.resolver")
ARGO_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclasses.dataclass(frozen=True)
class Compiled:
    """Both pipelines: their components, their nodes in the IR, and what runs each node."""

    components: dict[str, Any]
    nodes: dict[str, Any]
    executors: dict[str, Any]
    text: str
    root: Path


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    from tfx.proto.orchestration import pipeline_pb2

    from pipelines.exit import create_exit_pipeline
    from pipelines.training import create_pipeline
    from taxiway.runners.nodes.ir import compile_pipeline

    root = tmp_path_factory.mktemp("conformance") / "var"
    found = Compiled({}, {}, {}, "", root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAXIWAY_WEBHOOK_URL", f"https://host/{SECRET}")
        config = load_config([TINY], [f"output.root={root}", "notify.kind=webhook"])
        for pipeline in (create_pipeline(config), create_exit_pipeline(config, "run-1")):
            ir = compile_pipeline(pipeline)
            deployment = pipeline_pb2.IntermediateDeploymentConfig()
            ir.deployment_config.Unpack(deployment)
            found.components.update({node.id: node for node in pipeline.components})
            found.nodes.update({n.pipeline_node.node_info.id: n.pipeline_node for n in ir.nodes})
            found.executors.update(deployment.executor_specs)
            found = dataclasses.replace(found, text=f"{found.text}{ir}{deployment}")
    return found


def kind_of(component: Any) -> str:
    """One of TFX's three kinds of custom component, or a standard one."""
    from tfx.dsl.component.experimental.executor_specs import TemplatedExecutorContainerSpec

    if type(component).__module__.startswith("tfx."):
        return "standard"
    if isinstance(component.executor_spec, TemplatedExecutorContainerSpec):
        return "container"
    return "function" if hasattr(component.executor_spec.executor_class, "_FUNCTION") else "custom"


def python_class(spec: Any) -> str | None:
    """The import path of a Python executor; None for a container."""
    from tfx.proto.orchestration import executable_spec_pb2 as specs

    if spec.Is(specs.ContainerExecutableSpec.DESCRIPTOR):
        return None
    if spec.Is(specs.BeamExecutableSpec.DESCRIPTOR):
        beam = specs.BeamExecutableSpec()
        assert spec.Unpack(beam)
        return str(beam.python_executor_spec.class_path)
    python = specs.PythonClassExecutableSpec()
    assert spec.Unpack(python), spec.type_url
    return str(python.class_path)


@pytest.mark.pipeline
class TestEveryNode:
    """What holds for each node; a new component is tested the moment a pipeline wires it."""

    def test_its_id_is_a_valid_name_on_argo(self, compiled: Compiled) -> None:
        for name, component in compiled.components.items():
            assert component.id == name
            assert ARGO_NAME.fullmatch(name.lower()), name

    def test_its_module_is_its_own_and_says_what_it_is_for(self, compiled: Compiled) -> None:
        for name, component in compiled.components.items():
            module = type(component).__module__
            assert module.startswith(("components.", "tfx.")), f"{name} is made in {module}"
            doc = (importlib.import_module(module).__doc__ or "").strip()
            assert doc.splitlines()[0].endswith("."), f"{name}: {module}"

    def test_its_executor_can_be_imported_by_name(self, compiled: Compiled) -> None:
        for name, component in compiled.components.items():
            if type(component).__module__ in WITHOUT_EXECUTOR:
                assert name not in compiled.executors
                continue
            path = python_class(compiled.executors[name])
            if path is None:
                assert kind_of(component) == "container"
                continue
            module, _, attribute = path.rpartition(".")
            assert module.startswith(("components.", "taxiway.arrow.", "tfx.")), name
            executor = getattr(importlib.import_module(module), attribute)
            assert callable(executor.Do)

    def test_its_parameters_are_plain_values(self, compiled: Compiled) -> None:
        for name, node in compiled.nodes.items():
            for key, parameter in node.parameters.parameters.items():
                kind = parameter.WhichOneof("value")
                assert kind in ("field_value", "runtime_parameter"), f"{name}.{key}"
                text = parameter.field_value.string_value
                if text.startswith("{"):
                    assert isinstance(json.loads(text), dict), f"{name}.{key}"

    def test_its_outputs_are_types_with_a_name(self, compiled: Compiled) -> None:
        for name, component in compiled.components.items():
            declared = {key: channel.type.TYPE_NAME for key, channel in component.outputs.items()}
            written = {
                key: output.artifact_spec.type.name
                for key, output in compiled.nodes[name].outputs.outputs.items()
            }
            assert all(declared.values()), name
            if "resolver" not in type(component).__module__:  # it passes on what others put out
                assert written == declared, name

    def test_it_is_of_the_kind_that_it_looks_like(self, compiled: Compiled) -> None:
        from tfx.dsl.components.base.base_component import BaseComponent
        from tfx.dsl.components.base.base_executor import BaseExecutor
        from tfx.types.component_spec import ComponentSpec

        for name, component in compiled.components.items():
            kind = kind_of(component)
            if kind == "function":
                executor = component.executor_spec.executor_class
                assert executor.__name__ == f"{name}_Executor"
                assert inspect.isfunction(executor._FUNCTION)
                assert executor._FUNCTION.__name__ == name
            elif kind == "custom":
                made = type(component)
                assert issubclass(made, BaseComponent)
                assert issubclass(made.SPEC_CLASS, ComponentSpec)
                executor = component.executor_spec.executor_class
                assert issubclass(executor, BaseExecutor)
                assert executor.__module__.startswith("components.")


@pytest.mark.pipeline
class TestThePipelines:
    """What holds for all nodes together."""

    def test_wiring_and_compiling_them_makes_no_file(self, compiled: Compiled) -> None:
        assert not compiled.root.exists()

    def test_the_nine_standard_steps_are_there(self, compiled: Compiled) -> None:
        for name in STANDARD:
            assert type(compiled.components[name]).__module__.startswith("tfx.components.")
        assert set(OURS_IN_PLACE_OF_STANDARD) <= set(compiled.components)
        assert len(STANDARD + OURS_IN_PLACE_OF_STANDARD) == 9

    def test_custom_components_are_of_all_three_kinds(self, compiled: Compiled) -> None:
        kinds = {kind_of(component) for component in compiled.components.values()}
        assert kinds == {"standard", "function", "container", "custom"}

    def test_every_component_folder_is_wired(self, compiled: Compiled) -> None:
        wired = {type(component).__module__ for component in compiled.components.values()}
        faces = {path.removesuffix(".py").replace("/", ".") for path in sources("*/component.py")}
        assert faces <= wired

    def test_no_secret_is_compiled_in(self, compiled: Compiled) -> None:
        assert "TAXIWAY_WEBHOOK_URL" in compiled.text
        assert SECRET not in compiled.text

    def test_transform_waits_for_the_gate(self, compiled: Compiled) -> None:
        assert "DataGate" in compiled.nodes["Transform"].upstream_nodes
        assert "Transform" in compiled.nodes["DataGate"].downstream_nodes

    def test_a_push_waits_for_all_that_giving_it_a_version_needs(self, compiled: Compiled) -> None:
        """Else a failure between the two leaves a model that serves without a version."""

        def reached(name: str, direction: str) -> set[str]:
            near = getattr(compiled.nodes[name], direction)
            return set(near).union(*(reached(one, direction) for one in near))

        after = reached("Pusher", "downstream_nodes")
        assert after == set(DELIVERY) - {"Pusher"}
        before = reached("Pusher", "upstream_nodes")
        for name in after:
            assert set(compiled.nodes[name].upstream_nodes) <= before | after | {"Pusher"}

    @pytest.mark.parametrize("name", DELIVERY)
    def test_delivery_needs_both_blessings(self, compiled: Compiled, name: str) -> None:
        conditionals = compiled.nodes[name].inputs.conditionals
        predicates = [conditionals[key].placeholder_expression for key in conditionals]
        asked = {}
        for predicate in predicates:
            compare = predicate.operator.compare_op
            value = compare.lhs.operator.artifact_property_op
            key = value.expression.operator.index_op.expression.placeholder.key
            (channel,) = compiled.nodes[name].inputs.inputs[key].channels
            assert (value.key, value.is_custom_property) == ("blessed", True)
            assert type(compare).Operation.Name(compare.op) == "EQUAL"
            asked[channel.producer_node_query.id] = compare.rhs.value.int_value
        assert asked == {"Evaluator": 1, "InfraValidator": 1}

    def test_nothing_else_is_conditional(self, compiled: Compiled) -> None:
        conditional = {name for name, node in compiled.nodes.items() if node.inputs.conditionals}
        assert conditional == set(DELIVERY)


def sources(*patterns: str) -> list[str]:
    folder = REPOSITORY / "components"
    found = {path for pattern in patterns for path in folder.glob(pattern)}
    return sorted(path.relative_to(REPOSITORY).as_posix() for path in found)


def imports(path: str) -> set[str]:
    """The top-level package of every import in a file, wherever in the file it stands."""
    found = set()
    for node in ast.walk(ast.parse(Path(REPOSITORY / path).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


FACES = sources("*/component.py", "*/executor.py", "*/drift.py", "artifacts.py")
WORK = sorted(set(sources("**/*.py")) - set(FACES))


def test_faces_and_work_are_both_found() -> None:
    assert "components/data_gate/component.py" in FACES
    assert "components/data_gate/logic.py" in WORK


@pytest.mark.parametrize("path", WORK)
def test_work_does_not_know_tfx(path: str) -> None:
    assert "tfx" not in imports(path)


@pytest.mark.parametrize("path", FACES)
def test_a_module_with_component_functions_keeps_its_annotations(path: str) -> None:
    tree = ast.parse((REPOSITORY / path).read_text())
    decorated = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(d, ast.Name) and d.id == "component" for d in node.decorator_list)
    ]
    assert not (decorated and "__future__" in imports(path))
