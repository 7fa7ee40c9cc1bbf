"""`taxiway new component`: what it writes where, and which names it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.scaffold.component.kinds import KINDS, LONGEST, Component
from taxiway.scaffold.component.names import TFX_ARTIFACTS, check_free, check_spelling
from taxiway.scaffold.component.new import Written, new_component
from taxiway.scaffold.component.remove import remove_component
from taxiway.scaffold.component.wiring import Channel, statement
from tests.conftest import CommandLine
from tests.taxiway.scaffold.component.conftest import everything

TRAINING = "pipelines/training.py"
OURS = ("--config", 'lint.isort.known-first-party = ["components", "taxiway"]')
"""Ruff looks for packages on the disk, and these are not there."""


def new(
    project: Path, name: str, kind: str = "function", pipeline: str = TRAINING, wired: bool = True
) -> Written:
    return new_component(project, Component(name, KINDS[kind]), pipeline, wired=wired)


class TestWhatIsWritten:
    def test_a_component_has_code_settings_a_test_and_a_line_each_where_they_belong(
        self, project: Path
    ) -> None:
        made = new(project, "label_balance")
        assert made.created == (
            "components/label_balance/__init__.py",
            "components/label_balance/settings.py",
            "components/label_balance/logic.py",
            "components/label_balance/component.py",
            "tests/components/test_label_balance.py",
        )
        assert [one.path for one in made.changed] == [
            *("components/artifacts.py", "configs/base.yaml", "README.md", TRAINING)
        ]
        assert all((project / path).is_file() for path in made.created)
        assert 'TYPE_NAME = "LabelBalance"\n' in (project / "components/artifacts.py").read_text()
        assert (
            "| Weather | custom | asks for it |\n| LabelBalance | Python function | "
            in (project / "README.md").read_text()
        )

    def test_the_settings_are_an_entry_of_the_pipelines_section(self, project: Path) -> None:
        new(project, "one")
        new(project, "two", "custom")
        text = (project / "configs" / "base.yaml").read_text()
        assert text.startswith("# Every run.\npipeline:\n  name: mine # of its runs\n\n  cache:")
        assert yaml.safe_load(text) == {
            "pipeline": {
                "name": "mine",
                "cache": True,
                "components": {"one": {"above": 0.05}, "two": {"rows": 20}},
            },
            "output": {"root": "var"},
        }

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_node_is_one_line_below_what_it_reads(self, project: Path, kind: str) -> None:
        before = (project / TRAINING).read_text().splitlines()
        made = new(project, "sample", kind)
        after = (project / TRAINING).read_text().splitlines()
        added = [line for line in after if line not in before]
        assert added == [made.import_line, f"{'    ' * (1 + (kind == 'container'))}{made.line}"]
        at = after.index(added[1])
        assert made.wired == f"{TRAINING}:{at + 1}"
        assert f'.outputs["{KINDS[kind].reads}"]' in after[at - 1]

    def test_the_import_is_sorted_in_as_ruff_sorts(self, project: Path) -> None:
        for name in ("zoo", "weather_10", "weather_9", "b", "arrow"):
            new(project, name)
        done = subprocess.run(
            [sys.executable, "-m", "ruff", "check", "--isolated", "--select=I", *OURS, TRAINING],
            cwd=project,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout

    def test_without_a_wish_for_wiring_the_pipeline_stays_and_the_lines_are_told(
        self, project: Path
    ) -> None:
        before = (project / TRAINING).read_text()
        made = new(project, "sample", "custom", wired=False)
        assert (project / TRAINING).read_text() == before
        assert made.wired == ""
        told = "\n".join(made.lines())
        assert "from components.sample.component import Sample\n" in told
        assert 'Sample(examples=examples, config=config.settings("sample"))\n' in told

    def test_a_project_without_a_table_or_a_section_for_its_lines_does_without(
        self, project: Path
    ) -> None:
        (project / "README.md").write_text("# Mine\n")
        (project / "configs" / "base.yaml").write_text("pipeline: {name: mine}\n")
        made = new(project, "sample")
        assert [one.path for one in made.placeless] == ["configs/base.yaml", "README.md"]
        assert (project / "README.md").read_text() == "# Mine\n"

    def test_a_pipeline_that_makes_nothing_of_what_it_reads_is_named(self, project: Path) -> None:
        before = everything(project)
        (project / "pipelines" / "empty.py").write_text("def create_pipeline(config): ...\n")
        with pytest.raises(ConfigError, match=r"pipelines/empty.py has no create_pipeline") as told:
            new(project, "sample", pipeline="pipelines/empty.py")
        assert "--no-wire" in told.value.edit
        assert everything(project) == {**before, "pipelines/empty.py": None} | {
            "pipelines/empty.py": b"def create_pipeline(config): ...\n"
        }

    def test_where_a_file_cannot_be_written_nothing_is(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = everything(project)
        write = Path.write_bytes

        def full(path: Path, data: bytes) -> int:
            if path.name == "training.py" and b"Sample" in data:
                raise OSError(28, "No space left on device")
            return write(path, data)

        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.raises(TaxiwayError, match="No space left on device; nothing was changed"):
            new(project, "sample")
        assert everything(project) == before

    @pytest.mark.parametrize("path", [TRAINING, "components/artifacts.py"])
    def test_code_that_is_no_python_is_named_with_its_line(self, project: Path, path: str) -> None:
        new(project, "sample")
        (project / path).write_text("import os\ndef create_pipeline(config:\n")
        before = everything(project)
        with pytest.raises(ConfigError, match=f"{path} is no Python that could be added to: line"):
            new(project, "another")
        with pytest.raises(ConfigError, match=f"{path} is no Python that could be added to: line"):
            remove_component(project, "sample", force=True)
        assert everything(project) == before

    def test_a_folder_that_is_no_project_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"is no project: it has no components/artifacts.py"):
            new(tmp_path, "sample")
        assert list(tmp_path.iterdir()) == []


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            *("", "Upper", "with-hyphen", "with blank", "2nd", "_private", "trailing_", "a__b"),
            *("../models", "größe", "a" * (LONGEST + 1), "a\n", "a.b"),
        ],
    )
    def test_what_is_no_module_and_no_node_is_refused(self, name: str) -> None:
        with pytest.raises(ConfigError, match=r"expected lower-case words with _ between them"):
            check_spelling(name)

    @pytest.mark.parametrize(
        ("name", "kind", "why"),
        [
            ("class", "function", "class is a word of Python itself"),
            ("true", "function", "True is a word of Python itself"),
            ("print", "container", "print is a word of Python itself"),
            ("model", "function", "Model is a type of artifact that TFX has already"),
            ("hyperparameters", "custom", "is a type of artifact that TFX has already"),
            ("weather", "function", "components/weather/ exists"),
            ("artifacts", "function", r"components/artifacts\.py exists"),
            ("taken", "function", r"tests/components/test_taken\.py exists"),
            ("trainer", "function", r"Trainer has a meaning in pipelines/training\.py"),
            ("arrowexamplegen", "custom", r"ArrowExampleGen has a meaning in pipelines/training"),
            ("trained", "container", r"trained has a meaning in pipelines/training\.py"),
            ("settings", "function", r"Settings has a meaning in its own component\.py"),
        ],
    )
    def test_what_is_taken_is_refused_with_who_has_it(
        self, project: Path, name: str, kind: str, why: str
    ) -> None:
        (project / "tests" / "components").mkdir(parents=True)
        (project / "tests" / "components" / "test_taken.py").touch()
        with pytest.raises(ConfigError, match=why):
            check_free(project, Component(name, KINDS[kind]))

    def test_a_local_variable_is_no_hindrance_to_a_class(self, project: Path) -> None:
        check_free(project, Component("trained", KINDS["function"]))

    def test_a_folder_in_which_python_has_left_its_cache_is_free(self, project: Path) -> None:
        (project / "components" / "gone" / "__pycache__").mkdir(parents=True)
        check_free(project, Component("gone", KINDS["function"]))

    @pytest.mark.pipeline
    def test_the_types_of_tfx_are_all_known(self) -> None:
        from tfx.types import standard_artifacts
        from tfx.types.artifact import Artifact

        found = {
            thing.TYPE_NAME
            for thing in vars(standard_artifacts).values()
            if isinstance(thing, type) and issubclass(thing, Artifact) and thing.TYPE_NAME
        }
        assert found <= set(TFX_ARTIFACTS)


@pytest.mark.parametrize("kind", KINDS)
class TestTemplates:
    """Of each kind, with the shortest and the longest name."""

    @pytest.mark.parametrize("name", ["a", "b_" * ((LONGEST - 1) // 2) + "cd"])
    def test_ruff_finds_nothing_in_it(self, project: Path, kind: str, name: str) -> None:
        settings = Path(__file__).parents[4] / "pyproject.toml"
        (project / "pyproject.toml").write_text(settings.read_text())
        assert len(name) in (1, LONGEST)
        made = new(project, name, kind)
        assert len(f"        {made.line}") <= 100
        for check in (["check", *OURS], ["format", "--check", "--diff"]):
            command = [sys.executable, "-m", "ruff", *check, "--no-cache", *made.created]
            done = subprocess.run(command, cwd=project, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr

    def test_a_pipeline_with_long_names_of_its_own_has_lines_that_fit(
        self, project: Path, kind: str
    ) -> None:
        component = Component("x" * LONGEST, KINDS[kind])
        text = statement(component, Channel("a_channel_with_a_long_name", 1, 8, "run_config"))
        assert all(len(line) <= 100 for line in text.splitlines())
        source = f"def f(run_config, a_channel_with_a_long_name):\n    if True:\n{text}"
        command = [sys.executable, "-m", "ruff", "format", "--line-length=100", "-"]
        done = subprocess.run(command, input=source, capture_output=True, text=True)
        assert done.stdout == source


def test_the_wheel_brings_the_templates(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder, kind in KINDS.items():
        place = f"taxiway/scaffold/component/templates/{folder}"
        assert {f"{place}/{file}.txt" for file in (*kind.files, "test.py")} <= names


class TestTheCommand:
    def call(self, project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "taxiway", *arguments]
        return subprocess.run(command, cwd=project, capture_output=True, text=True)

    def test_it_tells_what_it_wrote_and_the_next_step(self, project: Path) -> None:
        done = self.call(project / "components", "new", "component", "sample")
        assert (done.returncode, done.stderr) == (0, "")
        told = done.stdout.splitlines()
        assert told[0] == "Sample, a Python-function component"
        assert "  created  components/sample/component.py" in told
        line = 'Sample(statistics=statistics, config=config.settings("sample"))'
        assert f"  pipelines/training.py:20: {line}" in told
        assert told[-4:] == [
            "next",
            "  .venv/bin/pytest tests/components/test_sample.py",
            "  change components/sample/ to what you need, then make run-local",
            "  taxiway remove component sample takes it all away again",
        ]

    def test_json_is_all_that_is_printed(self, project: Path) -> None:
        done = self.call(project, "new", "component", "sample", "--kind", "custom", "--json")
        read = json.loads(done.stdout)
        assert (read["node"], read["kind"]) == ("Sample", "fully custom")
        assert read["line"] == 'Sample(examples=examples, config=config.settings("sample"))'
        done = self.call(project, "remove", "component", "sample", "--json")
        assert json.loads(done.stdout)["removed"] == sorted(read["created"])

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (("x", "--kind", "functoin"), "unknown kind 'functoin'; did you mean 'function'?"),
            (("My-Name",), "'My-Name' is no name of a component"),
            (("x", "--pipeline", "trainign"), "did you mean 'training'?"),
        ],
    )
    def test_wrong_usage_is_refused_with_a_hint(
        self, here: CommandLine, arguments: tuple[str, ...], told: str
    ) -> None:
        done = here("new", "component", *arguments)
        assert (done.code, done.out) == (2, "")
        assert told in done.err
