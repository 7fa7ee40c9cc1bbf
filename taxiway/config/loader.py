"""The one place that reads config: YAML files and `--set` values in, a frozen `Config` out."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from taxiway.config.components import settings_class
from taxiway.config.layers import Layer, assignment, merge, read
from taxiway.config.places import model_folder
from taxiway.config.schema import Config
from taxiway.config.yaml_text import is_text, problems, short
from taxiway.errors import ConfigError, did_you_mean
from taxiway.process.code_digest import files_digest, packages_digest
from taxiway.process.project import project_root

DEFAULT = "local"
"""The overlay where none is named; a project may have none of this name."""
ENVIRONMENTS = "environments"
"""Folder in configs/ of overlays that say what differs in staging, production, ..."""
_NO_TEXT = (bool, int, float)
_CHOICE = re.compile(r"constrained-\w+|literal\[.*\]")
"""What pydantic puts below a key to tell the types of a choice apart."""
_HINTS = {"string_type": ": quote it, since YAML reads it as a number or a switch"}


def load_config(
    overlays: Sequence[str | Path] = (), assignments: Sequence[str] = (), environment: str = ""
) -> Config:
    """Merges base.yaml, the overlays and the assignments, later ones winning.

    Args:
      overlays: YAML files, or the bare name of one in configs/ (`smoke`); none means `local`,
        where there is one.
      assignments: `key.path=value`, the value read as YAML.
      environment: the name of one in configs/environments/, over the other overlays.

    Raises:
      ConfigError: a file is missing or no YAML, a key is unknown, a value has the wrong type, or
        the model module cannot be found; or the environment's file is of another environment.
    """
    chosen = overlays or [DEFAULT] * (project_root() / "configs" / f"{DEFAULT}.yaml").is_file()
    sources = [_find(overlay) for overlay in ("base", *chosen)]
    if environment:
        sources.append(_environment_file(environment))
    layers = [read(path) for path in sources]
    config = _resolve(layers, assignments, ", ".join(str(path) for path in sources))
    if environment and config.registry.environment != environment:
        raise ConfigError(
            f"registry.environment is '{config.registry.environment}' with the overlay of the "
            f"environment {environment}",
            edit=f"registry.environment in {sources[-1]}",
        )
    return config


def load_base() -> Config:
    """The project's base config alone, which every run starts from; raises as `load_config`."""
    path = _find("base")
    return _resolve([read(path)], (), str(path))


def resolve_config(raw: Mapping[str, Any], assignments: Sequence[str] = ()) -> Config:
    """The config that `portable` gave, on this machine; raises as `load_config`."""
    return _resolve([dict(raw)], assignments, "the compiled config")


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


def _resolve(layers: list[Layer], assignments: Sequence[str], where: str) -> Config:
    where = f"{where}{' or --set' if assignments else ''}"
    values = merge([*layers, *map(assignment, assignments)], where)
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_explain(error), edit=where) from None
    made = config.model_dump(mode="json")
    problem = next(problems(made), None)  # such as a quoted number that is too large
    problem = problem or next(_numbers_from_switches(values, made), None)
    if problem:
        raise ConfigError(problem, edit=where)
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
    names = sorted(file.stem for file in folder.glob("*.yaml"))
    edit = f"--config: a path, or one of {', '.join(names)}"
    try:
        if path.suffix == "" and named.is_file():
            return named
        if path.is_file() and is_text(str(path)):
            return path
        found = path.exists()
    except OSError as error:
        raise ConfigError(
            f"config file '{overlay}' cannot be opened: {error.strerror}", edit=edit
        ) from None
    if found and path != Path():
        kind = "a folder" if path.is_dir() else "no regular file"
        what = f"is {kind}" if is_text(str(path)) else "has a name that is no UTF-8"
        raise ConfigError(f"config file '{overlay}' {what}", edit=edit)
    raise ConfigError(
        f"config file '{overlay}' does not exist{did_you_mean(str(overlay), names)}", edit=edit
    )


def _environment_file(name: str) -> Path:
    folder = project_root() / "configs" / ENVIRONMENTS
    names = sorted(file.stem for file in folder.glob("*.yaml"))
    if name not in names:
        raise ConfigError(
            f"there is no environment '{name}'{did_you_mean(name, names)} "
            f"(there is: {', '.join(names) or 'none'})",
            edit=f"{folder}/{name}.yaml",
        )
    return folder / f"{name}.yaml"


def _explain(error: ValidationError) -> str:
    lines = []
    for item in _per_key(error):
        key = ".".join(str(part) or "''" for part in item["loc"])
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
            hint = _HINTS.get(item["type"], "") if isinstance(item["input"], _NO_TEXT) else ""
            told = f"{message[:1].lower()}{message[1:]}, got {short(item['input'])}{hint}"
            lines.append(f"{key or 'config'}: {told}")
    return "\n".join(lines)


def _per_key(error: ValidationError) -> Iterator[dict[str, Any]]:
    """The errors, with one for a value that is none of several types: a number, or a word."""
    items: list[dict[str, Any]] = []
    for found in error.errors():
        item = dict(found)
        if found["loc"] and _CHOICE.fullmatch(str(found["loc"][-1])):
            item["loc"] = found["loc"][:-1]
            if items and items[-1]["loc"] == item["loc"]:
                items[-1]["msg"] += f", or {found['msg'].removeprefix('Input should be ')}"
                continue
        items.append(item)
    yield from items


def _numbers_from_switches(raw: Any, made: Any, key: str = "") -> Iterator[str]:
    """What pydantic takes for 1 or 0: YAML reads yes and on as true, no and off as false."""
    if isinstance(raw, bool) and type(made) in (int, float):
        yield f"{key}: expected a number, got {raw} (YAML reads yes, no, on and off as switches)"
    elif isinstance(raw, dict) and isinstance(made, dict):
        for name in raw.keys() & made.keys():
            yield from _numbers_from_switches(raw[name], made[name], f"{key}.{name}".strip("."))
    elif isinstance(raw, list) and isinstance(made, list):
        for index, (one, other) in enumerate(zip(raw, made, strict=False)):
            yield from _numbers_from_switches(one, other, f"{key}.{index}")


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    """Keys allowed at a place in the config, found by walking the models' own fields."""
    here: list[type[BaseModel]] = [Config]
    if location[:2] == ("pipeline", "components") and len(location) > 2:
        here, location = [settings_class(str(location[2]))], location[3:]
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
