"""Settings of a project's own components: checked by the class in their folder, like all others."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from taxiway.config import components
from taxiway.config.loader import load_config, portable, resolve_config, to_yaml
from taxiway.errors import ConfigError
from tests.conftest import TINY

SETTINGS = '''"""Mine."""

from taxiway.section import Fraction, Frozen


class Settings(Frozen):
    above: Fraction = 0.05
'''


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a component with settings, beside one without."""
    folder = tmp_path / "own_parts"
    for name in ("gaps", "plain"):
        (folder / name).mkdir(parents=True)
    (folder / "gaps" / "settings.py").write_text(SETTINGS)
    monkeypatch.setattr(components, "FOLDER", folder.name)
    monkeypatch.setattr(components, "project_root", lambda: tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder / "gaps"
    for name in [name for name in sys.modules if name.startswith(folder.name)]:
        del sys.modules[name]


def test_a_component_that_the_config_does_not_name_has_its_defaults() -> None:
    assert load_config([TINY]).settings("gaps") == '{"above":0.05}'


def test_what_is_set_reaches_it_also_on_another_machine_and_from_a_file(tmp_path: Path) -> None:
    config = load_config([TINY], ["pipeline.components.gaps.above=0.2"])
    assert config.settings("gaps") == '{"above":0.2}'
    assert resolve_config(portable(config)).settings("gaps") == '{"above":0.2}'
    (tmp_path / "mine.yaml").write_text(to_yaml(config))
    assert load_config([tmp_path / "mine.yaml"]).settings("gaps") == '{"above":0.2}'


@pytest.mark.parametrize(
    ("assignment", "told"),
    [
        ("gaps.abov=0.2", "pipeline.components.gaps.abov: unknown key; did you mean 'above'?"),
        ("gaps.above=2", "pipeline.components.gaps.above: input should be less than 1, got 2"),
        ("gaps.above=yes", "pipeline.components.gaps.above: input should be less than 1, got True"),
        ("gap.above=0.2", "no component of this name has a settings.py; did you mean 'gaps'?"),
        ("plain.above=0.2", "pipeline.components.plain: no component of this name has a settings"),
        ("gaps=0.2", "pipeline.components.gaps: input should be a valid dictionary"),
    ],
)
def test_what_a_component_cannot_be_set_to_is_refused_with_its_key(
    assignment: str, told: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config([TINY], [f"pipeline.components.{assignment}"])
    assert told in refused.value.message


def test_components_are_a_mapping() -> None:
    with pytest.raises(ConfigError, match=r"pipeline\.components: expected a mapping"):
        load_config([TINY], ["pipeline.components=[gaps]"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import no_such_package\n", "gives no class Settings: ModuleNotFoundError"),
        ("Settings = 1\n", r"must be a class derived from taxiway\.section\.Frozen, found 1"),
    ],
)
def test_a_settings_file_that_is_broken_is_named(own: Path, text: str, told: str) -> None:
    (own / "settings.py").write_text(text)
    with pytest.raises(ConfigError, match=told) as refused:
        load_config([TINY], ["pipeline.components.gaps.above=0.2"])
    assert refused.value.edit == str(own / "settings.py")
