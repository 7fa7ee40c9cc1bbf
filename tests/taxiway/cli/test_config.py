"""`taxiway config`: what a config resolves to, what a key means, and a schema for editors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from taxiway.config.loader import load_config
from taxiway.config.reference import entries, explained, json_schema
from taxiway.errors import ConfigError
from tests.conftest import TINY, taxiway


class TestShow:
    def test_what_is_shown_is_a_config_again(self, tmp_path: Path) -> None:
        done = taxiway("config", "show", "--config", TINY, "--set", "data.shards=2")
        assert done.code == 0, done.err
        path = tmp_path / "shown.yaml"
        path.write_text(done.out)
        assert load_config([TINY, path]) == load_config([TINY], ["data.shards=2"])

    def test_json_is_all_that_is_printed(self) -> None:
        done = taxiway("config", "show", "--json")
        assert json.loads(done.out)["pipeline"]["module"] == "pipelines.training"
        assert done.err == ""


class TestExplain:
    def test_a_key_with_its_type_default_and_meaning(self) -> None:
        done = taxiway("config", "explain", "data.compression")
        assert done.code == 0
        assert 'data.compression  (one of gzip, none, default "gzip")' in done.out
        assert "five times as large" in done.out

    def test_a_section_with_every_kind(self) -> None:
        names = [entry.key for entry in explained("push")]
        assert "push(kind: filesystem)" in names
        assert "push(kind: bucket)" in names
        assert "push.destination" in names

    def test_without_a_key_the_sections(self) -> None:
        done = taxiway("config", "explain")
        for section in ("pipeline", "data", "model", "evaluation", "engine", "kubeflow"):
            assert f"\n{section}: " in f"\n{done.out}"

    def test_an_unknown_key_is_refused_with_the_nearest(self) -> None:
        done = taxiway("config", "explain", "data.compresion")
        assert done.code == 2
        assert "no key is named 'data.compresion'; did you mean 'data.compression'?" in done.err
        with pytest.raises(ConfigError):
            explained("data.")

    def test_every_key_that_a_config_may_have_is_explained(self) -> None:
        known = {entry.key.partition("(")[0] for entry in entries()}
        resolved = load_config([TINY, "kubeflow"]).model_dump(mode="json")

        def keys(values: object, path: str = "") -> set[str]:
            if not isinstance(values, dict):
                return {path}
            inner = {key for key in values if key != "kind"}
            return {path} | {
                found
                for key in inner
                for found in keys(values[key], f"{path}.{key}" if path else key)
            }

        mappings = ("kubeflow.resources.", "kubeflow.parameters.", "engine.components.")
        unknown = {key for key in keys(resolved) - known - {""} if not key.startswith(mappings)}
        assert not unknown


class TestSchema:
    def test_editors_get_every_section_and_need_none(self) -> None:
        done = taxiway("config", "schema")
        schema = json.loads(done.out)
        assert schema == json_schema()
        assert set(schema["properties"]) == set(load_config([TINY]).model_dump())
        assert "required" not in schema

    def test_the_projects_own_overlays_are_valid(self) -> None:
        jsonschema = pytest.importorskip("jsonschema")
        for path in set(Path("configs").glob("*.yaml")) - {Path("configs/base.yaml")}:
            jsonschema.validate(yaml.safe_load(path.read_text()), json_schema())
