"""What a run brings along beside its data: hyperparameters as files, and what its files hold."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from taxiway.config.schema import Config

HYPERPARAMETERS_FILE = "best_hyperparameters.txt"
"""The name TFX's Tuner gives the same thing."""


def hyperparameters_folder(config: Config) -> str:
    """Where these hyperparameters are kept; the same values are always the same folder."""
    digest = hashlib.sha256(_hyperparameters_json(config).encode()).hexdigest()[:16]
    return f"{config.output.root}/inputs/hyperparameters/{digest}"


def hyperparameter_properties(config: Config) -> dict[str, str]:
    """The hyperparameters as custom properties of their artifact, so that MLMD can be asked."""
    values = config.model.hyperparameters.model_dump(mode="json")
    return {key: json.dumps(value) for key, value in values.items()}


def schema_properties(config: Config) -> dict[str, str]:
    """Custom properties of the curated schema; TFX's cache knows its path only, not what it holds.

    Empty for a file that cannot be read here, which the node that imports it reports.
    """
    try:
        content = Path(config.data.schema_file).read_bytes()
    except OSError:
        return {}
    return {"sha256": hashlib.sha256(content).hexdigest()}


def write_inputs(config: Config) -> None:
    """Writes what the pipeline imports; whole or not at all."""
    folder = Path(hyperparameters_folder(config))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / HYPERPARAMETERS_FILE
    text = _hyperparameters_json(config)
    if not path.exists() or path.read_text() != text:
        temporary = folder.parent / f".{folder.name}.tmp"
        temporary.write_text(text)
        temporary.replace(path)


def _hyperparameters_json(config: Config) -> str:
    return json.dumps(config.model.hyperparameters.model_dump(mode="json"), sort_keys=True)
