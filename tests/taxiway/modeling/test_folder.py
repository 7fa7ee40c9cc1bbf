"""A model folder is the whole model: what it brings is used, what it does not comes from here."""

from __future__ import annotations

from pathlib import Path

import pytest

from taxiway.config.loader import load_config, to_yaml
from taxiway.config.model import Hyperparameters, hyperparameters_class
from taxiway.errors import ConfigError
from taxiway.modeling.folder import PARTS, load_part, part_path
from tests.conftest import TINY


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An importable model folder without anything in it; its name is unique to the test."""
    name = f"model_of_{tmp_path.name}".replace("-", "_")
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


@pytest.mark.pipeline
@pytest.mark.parametrize("part", PARTS)
def test_what_a_folder_does_not_bring_is_the_default(module: str, part: str) -> None:
    assert part_path(module, part) == PARTS[part]
    assert callable(load_part(module, part))


@pytest.mark.parametrize("part", PARTS)
def test_what_it_brings_is_its_own(module: str, part: str, tmp_path: Path) -> None:
    name = PARTS[part].rpartition(".")[2]
    (tmp_path / module / f"{part}.py").write_text(f"def {name}():\n    return 'mine'\n")
    assert part_path(module, part) == f"{module}.{part}.{name}"
    assert load_part(module, part)() == "mine"


class TestHyperparameters:
    """Their class is the folder's, or the default one."""

    def write(self, tmp_path: Path, module: str, text: str) -> None:
        (tmp_path / module / "hyperparameters.py").write_text(text)

    def test_without_a_file_they_are_the_default_class(self, module: str) -> None:
        assert hyperparameters_class(module) is Hyperparameters

    def test_a_folder_has_its_own_keys_checked_as_any_others(
        self, module: str, tmp_path: Path
    ) -> None:
        self.write(
            tmp_path,
            module,
            "from taxiway.section import Frozen\n"
            "class Hyperparameters(Frozen):\n    trees: int\n    depth: int = 3\n",
        )
        overlay = tmp_path / "trees.yaml"
        overlay.write_text(f"model: {{name: trees, module: {module}}}\n")
        config = load_config([TINY, overlay], ["model.hyperparameters.trees=10"])
        assert config.model.hyperparameters.model_dump() == {"trees": 10, "depth": 3}
        again = tmp_path / "again.yaml"
        again.write_text(to_yaml(config))
        assert load_config([again]) == config
        with pytest.raises(ConfigError, match=r"hyperparameters\.tree"):
            load_config([TINY, overlay], ["model.hyperparameters.tree=10"])

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("1 / 0", "ZeroDivisionError"),
            ("x = 1", "gives no class Hyperparameters: AttributeError"),
            ("class Hyperparameters: ...", "must be a class derived from taxiway.section.Frozen"),
        ],
    )
    def test_a_file_without_such_a_class_is_refused(
        self, module: str, tmp_path: Path, text: str, told: str
    ) -> None:
        self.write(tmp_path, module, text)
        with pytest.raises(ConfigError, match=told) as refused:
            hyperparameters_class(module)
        assert refused.value.edit == str(tmp_path / module / "hyperparameters.py")
