"""Each config of a model can run: the model fits its schema, and every pipeline compiles."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from taxiway.runners.catalog import names
from tests.conftest import REPOSITORY

CONFIGS = REPOSITORY / "configs"
PIPELINES = names()


def models_configs() -> list[str]:
    """The names of configs that say which model they are of."""
    found = []
    for path in sorted(CONFIGS.glob("*.yaml")):
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        if "module" in (values.get("model") or {}):
            found.append(path.stem)
    return found


def test_the_pipelines_are_found() -> None:
    assert "training" in PIPELINES


def test_the_base_names_no_model() -> None:
    """So that each config of a model says its own, and none runs on another's data."""
    assert "base" not in models_configs()


@pytest.mark.pipeline
@pytest.mark.parametrize("config", models_configs())
class TestEveryConfigOfAModel:
    def test_its_model_fits_its_schema_and_its_metrics(self, config: str, tmp_path: Path) -> None:
        from taxiway.config.loader import load_config
        from taxiway.runners.preflight import check_model

        check_model(load_config([config], [f"output.root={tmp_path}"]))

    @pytest.mark.parametrize("pipeline", PIPELINES)
    def test_every_pipeline_compiles_with_it(
        self, config: str, pipeline: str, tmp_path: Path
    ) -> None:
        from taxiway.config.loader import load_config
        from taxiway.runners.catalog import load_pipeline, module_of
        from taxiway.runners.nodes.ir import compile_pipeline

        sets = [f"output.root={tmp_path}", f"pipeline.module={module_of(pipeline)}"]
        resolved = load_config([config], sets)
        compiled = compile_pipeline(load_pipeline(resolved)(resolved))
        assert compiled.pipeline_info.id == resolved.pipeline.name
        assert len(compiled.nodes) > 1
