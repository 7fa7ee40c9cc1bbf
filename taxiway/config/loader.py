"""The one place that reads config: YAML files and `--set` values in, a frozen `Config` out."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ValidationError

from taxiway.config.model import hyperparameters_class
from taxiway.config.places import model_folder
from taxiway.config.schema import Config
from taxiway.errors import ConfigError, did_you_mean
from taxiway.process.code_digest import files_digest, packages_digest
from taxiway.process.project import project_root

DEFAULT = "local"


def load_config(overlays: Sequence[str | Path] = (), assignments: Sequence[str] = ()) -> Config:
    """Merges base.yaml, the overlays and the assignments, later ones winning.

    Args:
      overlays: YAML files, or the bare name of one in configs/ (`smoke`); none means `local`.
      assignments: `key.path=value`, the value read as YAML.

    Raises:
      ConfigError: a file is missing or no YAML, a key is unknown, a value has the wrong type, or
        the model module cannot be found.
    """
    sources = [_find(overlay) for overlay in ("base", *(overlays or (DEFAULT,)))]
    layers = [_read(path) for path in sources]
    return _resolve(layers, assignments, ", ".join(str(path) for path in sources))


def resolve_config(raw: Mapping[str, Any], assignments: Sequence[str] = ()) -> Config:
    """The config that `portable` gave, on this machine; raises as `load_config`."""
    return _resolve([OmegaConf.create(dict(raw))], assignments, "the compiled config")


def portable(config: Config) -> dict[str, Any]:
    """A config as plain values without what belongs to this machine; for `resolve_config`."""
    raw: dict[str, Any] = config.model_dump(mode="json")
    raw["model"]["code_digest"] = ""
    if Path(config.data.schema_file).parent == model_folder(config.model.module):
        raw["data"]["schema_file"] = ""
    return raw


def project_digest(config: Config) -> str:
    """sha256 of all code that a run of this config may use."""
    both = f"{packages_digest()} {model_digest(config.model.module)}"
    return hashlib.sha256(both.encode()).hexdigest()


def model_digest(module: str) -> str:
    """sha256 of the code of a model: its folder, and what all models share."""
    return files_digest(model_folder("taxiway.modeling"), model_folder(module))


def _resolve(layers: list[Any], assignments: Sequence[str], where: str) -> Config:
    where = f"{where}{' or --set' if assignments else ''}"
    try:
        config = Config.model_validate(_merge([*layers, *map(_assignment, assignments)]))
    except ValidationError as error:
        raise ConfigError(_explain(error), edit=where) from None
    folder = model_folder(config.model.module)
    if not (folder / "__init__.py").is_file():
        raise ConfigError(
            f"model.module: no package '{config.model.module}' can be found",
            edit=f"model.module in {where}",
        )
    model = config.model.model_copy(update={"code_digest": model_digest(config.model.module)})
    return config.model_copy(update={"model": model})


def to_json(config: Config) -> str:
    """The resolved config as stable, sorted JSON."""
    return json.dumps(config.model_dump(mode="json"), indent=2, sort_keys=True)


def to_yaml(config: Config) -> str:
    """The resolved config as YAML that `load_config` reads back."""
    values = config.model_dump(mode="json")
    return str(yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True))


class _Dumper(yaml.CSafeDumper):
    """Quotes text that OmegaConf, unlike YAML 1.1, would read as a number: 1e5."""


_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d[\d_]*)?\.?[\d_]*[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def _find(overlay: str | Path) -> Path:
    path = Path(overlay)
    folder = project_root() / "configs"
    named = folder / f"{overlay}.yaml"
    if path.suffix == "" and named.is_file():
        return named
    if path.is_file():
        return path
    names = sorted(file.stem for file in folder.glob("*.yaml"))
    raise ConfigError(
        f"config file '{overlay}' does not exist{did_you_mean(str(overlay), names)}",
        edit=f"--config: a path, or one of {', '.join(names)}",
    )


def _read(path: Path) -> Any:
    try:
        layer = OmegaConf.load(path)
    except (yaml.YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}", edit=str(path)) from None
    if not OmegaConf.is_dict(layer):
        raise ConfigError(f"{path} holds no mapping of sections to keys", edit=str(path))
    return layer


def _assignment(text: str) -> Any:
    key, equals, _ = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set takes key.path=value, got '{text}'", edit="the command line")
    try:
        return OmegaConf.from_dotlist([text])
    except (yaml.YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(
            f"--set {text}: the value is not YAML: {error}", edit="the command line"
        ) from None


def _merge(layers: list[Any]) -> dict[str, Any]:
    try:
        merged = OmegaConf.to_container(_fold(layers), resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(f"the config layers do not fit together: {error}") from None
    assert isinstance(merged, dict)
    return {str(key): value for key, value in merged.items()}


def _fold(layers: list[Any]) -> Any:
    """Merges like OmegaConf, but a mapping that changes its `kind` replaces the older one whole."""
    merged: Any = OmegaConf.create({})
    for layer in layers:
        _drop_other_kinds(merged, layer)
        _drop_other_models(merged, layer)
        merged = OmegaConf.merge(merged, layer)
    return merged


def _drop_other_kinds(old: Any, new: Any) -> None:
    for key in list(new):
        if not (key in old and OmegaConf.is_dict(old[key]) and OmegaConf.is_dict(new[key])):
            continue
        if "kind" in new[key] and new[key]["kind"] != old[key].get("kind"):
            old[key] = {}
        else:
            _drop_other_kinds(old[key], new[key])


def _drop_other_models(old: Any, new: Any) -> None:
    """Takes away hyperparameters of another model, where the new one does not know them."""
    before, after = (OmegaConf.select(layer, "model.module") for layer in (old, new))
    hyperparameters = OmegaConf.select(old, "model.hyperparameters")
    if after in (None, before) or not OmegaConf.is_dict(hyperparameters):
        return
    known = hyperparameters_class(str(after)).model_fields
    for key in [key for key in hyperparameters if key not in known]:
        del hyperparameters[key]


def _explain(error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            name = str(item["loc"][-1])
            known = _known_keys(item["loc"][:-1])
            lines.append(
                f"{key}: unknown key{did_you_mean(name, known)} (known: {', '.join(known)})"
            )
        elif item["type"] == "missing":
            lines.append(f"{key}: missing, and it has no default")
        else:
            message = item["msg"].removeprefix("Value error, ")
            lines.append(
                f"{key or 'config'}: {message[:1].lower()}{message[1:]}, "
                f"got {_short(item['input'])}"
            )
    return "\n".join(lines)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    """Keys allowed at a place in the config, found by walking the models' own fields."""
    here: list[type[BaseModel]] = [Config]
    for part in location:
        fields = [model.model_fields[part] for model in here if part in model.model_fields]
        if fields:
            here = [model for field in fields for model in _models_in(field.annotation)]
        elif isinstance(part, str):
            tagged = [
                model
                for model in here
                if "kind" in model.model_fields
                and part in get_args(model.model_fields["kind"].annotation)
            ]
            here = tagged or here
    return sorted({name for model in here for name in model.model_fields})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models_in(inner)]
