"""Run parameters from the command line: known names only, with the type of the key they set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import yaml
from pydantic import ValidationError

from taxiway.config.schema import Config
from taxiway.errors import ConfigError, TaxiwayError, did_you_mean


def parameter_defaults(config: Config) -> dict[str, Any]:
    """What a run's parameters are where no one fills them in: the config's own values.

    Raises:
      ConfigError: a parameter names no key, or one whose value is no single one.
    """
    values = config.model_dump(mode="json")
    found: dict[str, Any] = {}
    for name, key in config.kubeflow.parameters.items():
        try:
            value = _get(values, key.split("."))
        except (KeyError, TypeError):
            raise ConfigError(
                f"the run parameter '{name}' is to set '{key}', which is no key of this config",
                edit=f"kubeflow.parameters.{name}",
            ) from None
        if isinstance(value, dict | list):
            raise ConfigError(
                f"the run parameter '{name}' is to set '{key}', which is a whole section",
                edit=f"kubeflow.parameters.{name}: a key with a single value",
            )
        found[name] = "" if value is None else value  # an empty one keeps what was compiled
    return found


def run_parameters(config: Config, assignments: Iterable[str]) -> dict[str, Any]:
    """Reads `name=value` pairs; names are those of kubeflow.parameters.

    Raises:
      ConfigError: no pair, an unknown name, or a value that the key it sets would refuse.
    """
    return dict(_read(config, assignment) for assignment in assignments)


def as_declared(parameters: dict[str, Any], pipeline_yaml: str) -> dict[str, Any]:
    """The values in the types that the compiled pipeline declares, which the server insists on.

    Raises:
      TaxiwayError: the pipeline has no such parameter.
    """
    spec = next(iter(yaml.safe_load_all(pipeline_yaml)), None) or {}
    declared = spec.get("root", {}).get("inputDefinitions", {}).get("parameters", {})
    for name in parameters:
        if name not in declared:
            raise TaxiwayError(
                f"the compiled pipeline has no parameter '{name}'{did_you_mean(name, declared)} "
                f"(it has: {', '.join(sorted(declared)) or 'none'})",
                edit=f"kubeflow.parameters.{name}",
            )
    return {
        name: _text(value) if declared[name].get("parameterType") == "STRING" else value
        for name, value in parameters.items()
    }


def _read(config: Config, assignment: str) -> tuple[str, Any]:
    name, equals, text = assignment.partition("=")
    known = config.kubeflow.parameters
    if not equals or not name:
        raise ConfigError(f"--parameter takes name=value, got '{assignment}'", edit="--parameter")
    if name not in known:
        raise ConfigError(
            f"--parameter: unknown parameter '{name}'{did_you_mean(name, known)} "
            f"(known: {', '.join(sorted(known)) or 'none'})",
            edit="--parameter, or kubeflow.parameters",
        )
    path = known[name].split(".")
    problem = ""
    for value in _readings(text):
        raw = config.model_dump()
        _put(raw, path, value, name)
        try:
            return name, _get(Config.model_validate(raw).model_dump(mode="json"), path)
        except ValidationError as error:
            problem = problem or error.errors()[0]["msg"]
    raise ConfigError(
        f"--parameter {name}={text} cannot be {known[name]}: {problem[:1].lower()}{problem[1:]}",
        edit="--parameter",
    )


def _readings(text: str) -> Iterable[Any]:
    """The text as it is, which pydantic reads as a number where one is wanted; then as YAML."""
    yield text
    try:
        parsed = yaml.safe_load(text)
    except yaml.YAMLError:
        return
    if not isinstance(parsed, str):
        yield parsed


def _put(raw: dict[str, Any], path: Sequence[str], value: Any, name: str) -> None:
    here: Any = raw
    for part in path[:-1]:
        here = here.get(part) if isinstance(here, dict) else None
    if not isinstance(here, dict) or path[-1] not in here:
        raise ConfigError(
            f"kubeflow.parameters.{name} is '{'.'.join(path)}': expected a key of this config",
            edit=f"kubeflow.parameters.{name}",
        )
    here[path[-1]] = value


def _get(raw: Any, path: Sequence[str]) -> Any:
    for part in path:
        raw = raw[part]
    return raw


def _text(value: Any) -> str:
    """As YAML on one line: `0.001`, `true`, `[64, 32]`."""
    if isinstance(value, str):
        return value
    return str(yaml.safe_dump(value, default_flow_style=True, width=10_000)).split("\n")[0]
