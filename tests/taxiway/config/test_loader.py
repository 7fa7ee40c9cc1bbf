"""Configs: what is read is frozen and whole, and what cannot be used is refused with its key."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from taxiway.config.data import HashSplit, NamedSpan, TimeSplit
from taxiway.config.loader import (
    load_config,
    portable,
    project_digest,
    resolve_config,
    to_yaml,
)
from taxiway.errors import ConfigError
from taxiway.process.code_digest import PACKAGES
from tests.conftest import REPOSITORY, TINY

OVERLAYS = sorted(path.stem for path in (REPOSITORY / "configs").glob("*.yaml"))


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_overlay_makes_a_config(name: str) -> None:
    assert load_config([name]).pipeline.name


def test_later_layers_win_and_assignments_win_over_files(tmp_path: Path) -> None:
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("model: {hyperparameters: {epochs: 7, batch_size: 32}}")
    config = load_config([TINY, overlay], ["model.hyperparameters.epochs=9"])
    assert config.model.hyperparameters.epochs == 9
    assert config.model.hyperparameters.batch_size == 32
    assert config.pipeline.name == "tiny"


def test_a_section_that_changes_its_kind_forgets_the_keys_of_the_old_kind() -> None:
    config = load_config(
        [TINY], ["data.spans.kind=named", "data.spans.span=3", "data.split.kind=hash"]
    )
    assert config.data.spans == NamedSpan(kind="named", span=3)
    assert config.data.split == HashSplit(kind="hash")


def test_a_config_cannot_be_changed_after_loading() -> None:
    config = load_config([TINY])
    with pytest.raises(ValidationError, match="frozen"):
        config.data.format = "csv"  # type: ignore[misc]  # which is the point


def test_the_resolved_config_reads_back_as_itself(tmp_path: Path) -> None:
    config = load_config([TINY])
    written = tmp_path / "resolved.yaml"
    written.write_text(to_yaml(config))
    assert load_config([written]) == config


@pytest.mark.parametrize(
    "text",
    [
        *(
            "1e5",
            "1.5E-3",
            "-.5e+3",
            "1_0e2",
            "12",
            ".5",
            "0x1F",
            "1_000",
            "12:30:00",
            "2026-11-25",
        ),
        *("yes", "null", "~", ".inf", "", " a ", "a: b", "- a", "# a", "[a", "'", '"', "é", "a\nb"),
    ],
)
def test_text_reads_back_as_text_whatever_it_looks_like(text: str, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(json.dumps({"container": {"image": text}}))
    written = tmp_path / "resolved.yaml"
    config = load_config([TINY, overlay])
    written.write_text(to_yaml(config))
    assert config.container.image == text
    assert load_config([written]) == config


def test_places_follow_the_output_root(tmp_path: Path) -> None:
    config = load_config([TINY], [f"output.root={tmp_path}"])
    places = (config.metadata.path, config.data.root, config.push.destination, config.registry.path)
    assert all(place.startswith(str(tmp_path)) for place in places)


def test_a_place_that_is_given_stays(tmp_path: Path) -> None:
    config = load_config([TINY], [f"push.destination={tmp_path}/models"])
    assert config.push.destination == f"{tmp_path}/models"


WRONG = {
    "unknown key": ("data.colour=red", "data.colour: unknown key", "known: compression, csv"),
    "misspelt key": ("data.fromat=csv", "data.fromat: unknown key", "did you mean 'format'?"),
    "misspelt section": ("modle.name=x", "modle: unknown key", "did you mean 'model'?"),
    "key of another kind": (
        "data.split.eval_fraction=0.5",
        "eval_fraction: unknown key",
        "known: kind",
    ),
    "wrong type": ("model.hyperparameters.epochs=many", "epochs", "valid integer"),
    "out of range": ("model.hyperparameters.dropout=1.5", "dropout", "less than 1"),
    "no such kind": ("data.spans.kind=latest", "data.spans", "'newest', 'named', 'window'"),
    "time split of one span": (
        "data.spans.kind=newest",
        "split.kind 'time'",
        "length of 2 or more",
    ),
    "module that does not exist": ("model.module=models.trains", "models.trains", "model.module"),
    "section that is no mapping": ("output=3", "output", "valid dictionary or instance of Output"),
    "no equals sign": ("model.name", "--set takes key.path=value", "model.name"),
    "empty thresholds": ("evaluation.thresholds=[]", "evaluation.thresholds", "at least 1"),
    "threshold without a bound": (
        "evaluation.thresholds=[{metric: auc}]",
        "evaluation.thresholds.0",
        "needs lower, upper or change",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_value_is_refused_with_its_key(case: str) -> None:
    assignment, *told = WRONG[case]
    with pytest.raises(ConfigError) as refused:
        load_config([TINY], [assignment])
    assert refused.value.exit_code == 2
    for text in told:
        assert text in str(refused.value)


def test_a_missing_file_is_refused_with_near_names() -> None:
    with pytest.raises(ConfigError, match="did you mean 'kubeflow'"):
        load_config(["kubeflwo"])


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("data: [unclosed")
    with pytest.raises(ConfigError, match=r"broken\.yaml is not YAML"):
        load_config([broken])


def test_a_file_without_a_mapping_is_refused(tmp_path: Path) -> None:
    listing = tmp_path / "list.yaml"
    listing.write_text("[1, 2]")
    with pytest.raises(ConfigError, match="no mapping"):
        load_config([listing])


def test_every_key_of_base_yaml_is_known_to_the_schema() -> None:
    base = yaml.safe_load((REPOSITORY / "configs" / "base.yaml").read_text())
    assert set(base) <= set(load_config([TINY]).model_dump())


def test_the_default_split_is_by_time() -> None:
    assert load_config([TINY]).data.split == TimeSplit(kind="time")


class TestProjectDigest:
    """By it a task on a cluster knows that its image holds what was compiled."""

    def test_every_package_that_is_shipped_is_in_it_and_in_the_image(self) -> None:
        project = (REPOSITORY / "pyproject.toml").read_text()
        (line, *_) = [one for one in project.splitlines() if one.startswith("source = [")]
        dockerfile = REPOSITORY / "deploy/Dockerfile"
        assert set(re.findall(r'"(\w+)"', line)) == set(PACKAGES)
        if dockerfile.exists():
            copied = re.findall(r"^COPY (\w+) \1$", dockerfile.read_text(), re.MULTILINE)
            assert set(copied) == {*PACKAGES, "configs"}

    def test_the_same_code_has_the_same_one_whatever_the_config(self) -> None:
        here, there = load_config([TINY]), load_config([TINY, "kubeflow"])
        assert project_digest(here) == project_digest(there)


def test_a_portable_config_finds_its_places_anew(tmp_path: Path) -> None:
    config = load_config([TINY], [f"output.root={tmp_path}"])
    raw = portable(config)
    assert (raw["data"]["schema_file"], raw["model"]["code_digest"]) == ("", "")
    assert resolve_config(raw) == config
    changed = resolve_config(raw, ["model.hyperparameters.epochs=2"])
    assert changed.model.hyperparameters.epochs == 2
