"""`taxiway remove component`: all of what was written, and nothing that someone else wrote."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import yaml

from taxiway.errors import ConfigError
from taxiway.scaffold.component.kinds import KINDS
from taxiway.scaffold.component.remove import remove_component
from tests.taxiway.scaffold.component.conftest import everything
from tests.taxiway.scaffold.component.test_new import TRAINING, new


@pytest.mark.parametrize("order", itertools.permutations(KINDS))
def test_after_it_the_project_is_as_it_was_byte_for_byte(
    project: Path, order: tuple[str, ...]
) -> None:
    before = everything(project)
    for kind in KINDS:
        new(project, f"my_{kind}", kind)
    for kind in order:
        remove_component(project, f"my_{kind}", force=False)
    assert everything(project) == before


def test_one_that_was_never_wired_goes_as_well(project: Path) -> None:
    before = everything(project)
    new(project, "sample", wired=False)
    remove_component(project, "sample", force=False)
    assert everything(project) == before


def test_the_lines_that_were_added_by_hand_as_told_go_with_it(project: Path) -> None:
    before = everything(project)
    made = new(project, "sample", wired=False)
    text = (project / TRAINING).read_text()
    text = text.replace("from taxiway", f"{made.import_line}\nfrom taxiway", 1)
    text = text.replace("    weather =", f"    {made.line}\n    weather =")
    (project / TRAINING).write_text(text)
    remove_component(project, "sample", force=False)
    assert everything(project) == before


def test_what_python_has_cached_goes_too(project: Path) -> None:
    new(project, "sample")
    cache = project / "components" / "sample" / "__pycache__"
    cache.mkdir()
    (cache / "component.cpython-310.pyc").touch()
    remove_component(project, "sample", force=False)
    assert not (project / "components" / "sample").exists()


EDITS = {
    "its code": ("components/sample/logic.py", "import annotations", "import annotations  # mine"),
    "its test": ("tests/components/test_sample.py", "0.05", "0.06"),
    "its settings in the config": ("configs/base.yaml", "{above: 0.05}", "{above: 0.2}"),
    "the type of its output": ("components/artifacts.py", "columns that miss", "my columns that"),
    "its line in the README": ("README.md", "| notes the columns", "| my notes of columns"),
}


@pytest.mark.parametrize("what", EDITS)
class TestEdited:
    """Work of someone's own is lost only where that is asked for."""

    def edit(self, project: Path, what: str) -> str:
        new(project, "sample")
        path, old, new_text = EDITS[what]
        text = (project / path).read_text()
        assert old in text
        (project / path).write_text(text.replace(old, new_text))
        return path

    def test_it_stays_and_is_named(self, project: Path, what: str) -> None:
        path = self.edit(project, what)
        before = everything(project)
        with pytest.raises(ConfigError, match=f"edited: {path}") as told:
            remove_component(project, "sample", force=False)
        assert "--force" in told.value.edit
        assert everything(project) == before

    def test_it_goes_by_force(self, project: Path, what: str) -> None:
        before = everything(project)
        self.edit(project, what)
        remove_component(project, "sample", force=True)
        assert everything(project) == before


def test_a_file_that_was_added_to_it_counts_as_edited(project: Path) -> None:
    new(project, "sample")
    (project / "components" / "sample" / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"edited: components/sample/mine\.txt"):
        remove_component(project, "sample", force=False)


def test_settings_over_several_lines_go_by_force(project: Path) -> None:
    before = everything(project)
    new(project, "sample")
    path = project / "configs" / "base.yaml"
    own = next(line for line in path.read_text().splitlines(True) if "sample:" in line)
    path.write_text(path.read_text().replace(own, "    sample:\n      above: 0.1\n\n"))
    remove_component(project, "sample", force=True)
    assert yaml.safe_load(path.read_text()) == yaml.safe_load(before["configs/base.yaml"] or b"")


USES = {
    "pipelines/training.py": ("    Sample(", "    sample = Sample("),
    "pipelines/nightly.py": ("", "from components.sample.component import Sample\n"),
    "components/weather/logic.py": ("", "from components.artifacts import Sample\n"),
    "components/weather/component.py": ("", "from components import artifacts, sample\n"),
    "models/mine/export.py": ("", "import components.sample.logic as logic\n"),
    "tests/components/test_weather.py": ("", 'import_module("components.sample.logic")\n'),
    "configs/mine.yaml": ("", "pipeline:\n  components: {sample: {above: 0.2}}\n"),
    "configs/other.yaml": ("", "data_gate: {module: components.sample.rules}\n"),
}


@pytest.mark.parametrize("path", USES)
@pytest.mark.parametrize("force", [False, True], ids=["plain", "force"])
def test_one_that_is_used_stays_and_the_places_are_named(
    project: Path, path: str, force: bool
) -> None:
    new(project, "sample")
    old, text = USES[path]
    file = project / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(file.read_text().replace(old, text) if old else text)
    before = everything(project)
    with pytest.raises(ConfigError, match=rf"is still used: {path}"):
        remove_component(project, "sample", force=force)
    assert everything(project) == before


def test_every_line_that_uses_it_is_named_its_import_first(project: Path) -> None:
    new(project, "sample")
    text = (project / TRAINING).read_text()
    (project / TRAINING).write_text(text.replace("    Sample(", "    sample = Sample("))
    lines = (project / TRAINING).read_text().splitlines()
    at = [number for number, line in enumerate(lines, 1) if "Sample" in line]
    with pytest.raises(ConfigError) as refused:
        remove_component(project, "sample", force=False)
    places = ", ".join(f"{TRAINING}:{number}" for number in at)
    assert len(at) == 2
    assert refused.value.message == f"components/sample is still used: {places}"


def test_one_of_another_hand_goes_by_force_only(project: Path) -> None:
    (project / TRAINING).unlink()
    with pytest.raises(ConfigError, match=r"edited: components/weather/__init__\.py"):
        remove_component(project, "weather", force=False)
    remove_component(project, "weather", force=True)
    assert not (project / "components" / "weather").exists()
    assert "Weather" not in (project / "components" / "artifacts.py").read_text()
    assert "Weather" not in (project / "README.md").read_text()


def test_one_that_is_not_there_is_refused_with_a_near_one(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"named 'wether'; did you mean 'weather'\?"):
        remove_component(project, "wether", force=False)


def test_a_name_leads_to_no_other_folder(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"is no name of a component"):
        remove_component(project, "../pipelines", force=True)
