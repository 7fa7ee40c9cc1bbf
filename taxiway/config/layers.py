"""The layers of a config: files and `--set` values as plain values, and one merged from all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from omegaconf import OmegaConf

from taxiway.config.model import hyperparameters_class
from taxiway.config.yaml_text import (
    DEPTH,
    INTERPOLATIONS,
    TEXT_BYTES,
    UnusableTextError,
    interpolations,
    parse,
    problems,
)
from taxiway.errors import ConfigError
from taxiway.root_cause import telling_line

Layer = dict[str, Any]

_PART: Final = re.compile(r"(?!\d+$)[\w-]{1,100}")
COMMAND_LINE: Final = "the command line"


def read(path: Path) -> Layer:
    """The layer in a file; an empty file is an empty layer.

    Raises:
      ConfigError: it cannot be read, is no YAML, or is no mapping.
    """
    try:
        with path.open("rb") as file:
            data = file.read(TEXT_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", edit=str(path)) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is not YAML: byte {error.start} (0x{data[error.start]:02x}) is no UTF-8; "
            "save the file as UTF-8",
            edit=str(path),
        ) from None
    try:
        layer = parse(text)
    except UnusableTextError as error:
        raise ConfigError(f"{path} is not YAML for a config: {error}", edit=str(path)) from None
    if layer is None:
        return {}
    if not isinstance(layer, dict):
        raise ConfigError(f"{path} holds no mapping of sections to keys", edit=str(path))
    return layer


def assignment(text: str) -> Layer:
    """The layer of one `--set key.path=value`.

    Raises:
      ConfigError: it is no assignment, or the value is no YAML.
    """
    key, equals, value = text.partition("=")
    parts = key.strip().split(".")
    if not equals or not key.strip():
        raise ConfigError(f"--set takes key.path=value, got '{text}'", edit=COMMAND_LINE)
    if any("[" in part or part.isdigit() for part in parts):
        raise ConfigError(
            f"--set {key}: a list is given whole, such as --set 'evaluation.metrics=[auc, recall]'",
            edit=COMMAND_LINE,
        )
    if len(parts) > DEPTH or not all(map(_PART.fullmatch, parts)):
        raise ConfigError(
            f"--set takes a path of names with a dot between them, such as "
            f"model.hyperparameters.epochs, got '{key}'",
            edit=COMMAND_LINE,
        )
    try:
        layer = parse(value, whole=True)
    except UnusableTextError as error:
        raise ConfigError(
            f"--set {key}: the value is not YAML: {error}", edit=COMMAND_LINE
        ) from None
    for part in reversed(parts):
        layer = {part: layer}
    return dict(layer)


def merge(layers: Sequence[Mapping[str, Any]], where: str) -> Layer:
    """All layers in one, later ones winning, with `${...}` filled in.

    Mappings are merged key by key; one that changes its `kind` replaces the older one whole.

    Args:
      layers: plain values.
      where: they are from, for errors.

    Raises:
      ConfigError: a `${...}` cannot be filled in, or there are too many.
    """
    count = sum(interpolations(dict(layer)) for layer in layers)
    if count > INTERPOLATIONS:
        raise ConfigError(f"more than {INTERPOLATIONS} values with ${{...}}", edit=where)
    merged: Layer = {}
    for layer in layers:
        merged = _over(layer, _without_other_models(merged, layer))
    problem = next(problems(merged), None)
    if problem is None and count:
        merged = _filled_in(merged, where)
        problem = next(problems(merged), None)
    if problem:
        raise ConfigError(problem, edit=where)
    return merged


def _over(new: Mapping[str, Any], old: Mapping[str, Any]) -> Layer:
    out = dict(old)
    for key, value in new.items():
        before: Any = out.get(key)
        out[key] = value
        both = isinstance(value, dict) and isinstance(before, dict)
        if both and value.get("kind", before.get("kind")) == before.get("kind"):
            out[key] = _over(value, before)
    return out


def _without_other_models(old: Layer, new: Mapping[str, Any]) -> Layer:
    """Without hyperparameters of another model that the new one does not know."""
    before, after = old.get("model"), new.get("model")
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return old
    kept, module = before.get("hyperparameters"), after.get("module")
    if module in (None, before.get("module")) or not isinstance(kept, dict):
        return old
    known = hyperparameters_class(str(module)).model_fields
    kept = {key: value for key, value in kept.items() if key in known}
    return old | {"model": before | {"hyperparameters": kept}}


def _filled_in(values: Layer, where: str) -> Layer:
    try:
        filled = OmegaConf.to_container(OmegaConf.create(values), resolve=True)
    except Exception as error:  # OmegaConf's own, and what Python raises within it
        key = getattr(error, "full_key", None)
        at = f" at {key}" if key else ""
        raise ConfigError(
            f"the config layers do not fit together{at}: {telling_line(error)}", edit=where
        ) from None
    assert isinstance(filled, dict)
    return {str(key): value for key, value in filled.items()}
