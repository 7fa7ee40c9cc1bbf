"""Everything about a run that can be known to be wrong before TensorFlow is even loaded."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from taxiway.config.beam import DataflowBeam
from taxiway.config.schema import Config
from taxiway.errors import ConfigError
from taxiway.evaluation.metrics import check_evaluation
from taxiway.metadata.connection import ServerMetadata, SqliteMetadata
from taxiway.modeling.schema import check_spec, read_schema
from taxiway.modeling.spec import features_file, load_spec
from taxiway.notify import NotifyFile
from taxiway.runners.catalog import module_of

OPENED_SCHEMES: Final = ("gs://",)


def check(config: Config) -> None:
    """Runs every check.

    Raises:
      ConfigError: the first thing that cannot work, with the key or file that mends it.
    """
    for one in CHECKS:
        one(config)


def _gate_rules_are_known(config: Config) -> None:
    """The module of the rules is the project's own, and raises the ConfigError."""
    if config.data_gate.rules:
        import_named("data_gate.module", config.data_gate.module).parse_rules(
            config.data_gate.rules
        )


def import_named(key: str, module: str) -> Any:
    """A module that the config names by its import path.

    Raises:
      ConfigError: it does not import.
    """
    try:
        return importlib.import_module(module)
    except Exception as error:
        raise ConfigError(
            f"{key}: {module} does not import: {type(error).__name__}: {error}", edit=key
        ) from error


def is_address(place: str) -> bool:
    """Whether a place is elsewhere and not a path."""
    return "://" in place


def check_model(config: Config) -> None:
    """The model folder imports and fits its schema, and the Evaluator knows what it is asked.

    A schema that is not on this machine is seen by the nodes only.
    """
    module_of(config.pipeline.module)
    spec = load_spec(config.model.module)
    schema_file = config.data.schema_file
    if not is_address(schema_file) and Path(schema_file).is_file():
        check_spec(spec, read_schema(schema_file), features_file(config.model.module), schema_file)
    check_evaluation(config.evaluation, spec, config.engine.of("Evaluator"))


def check_addresses(config: Config) -> None:
    """TensorFlow opens paths and gs:// by itself; any other scheme fails in the middle of a run."""
    places = {  # the others follow from the first
        "output.root": config.output.root,
        "data.root": config.data.root,
        "data.schema_file": config.data.schema_file,
        "push.destination": config.push.destination,
    }
    for key, place in places.items():
        if is_address(place) and not place.startswith(OPENED_SCHEMES):
            raise ConfigError(
                f"{key} is {place}, but TensorFlow opens {OPENED_SCHEMES[0]} and paths only; "
                "another store can be mounted as a folder",
                edit=key,
            )


def _schema_exists(config: Config) -> None:
    if not is_address(config.data.schema_file) and not Path(config.data.schema_file).is_file():
        raise ConfigError(
            f"the curated schema {config.data.schema_file} does not exist",
            edit="data.schema_file, or schema.pbtxt in the model's folder",
        )


def _data_exists(config: Config) -> None:
    root = config.data.root
    if is_address(root):
        return
    if not Path(root).is_dir():
        raise ConfigError(
            f"there is no data in {root}: the folder does not exist",
            edit="run `taxiway data` with the same --config and --set, or edit data.root",
        )


def _places_are_writable(config: Config) -> None:
    places = {
        "output.root": config.output.root,
        "push.destination": config.push.destination,
        "registry.path": str(Path(config.registry.path).parent),
    }
    if isinstance(config.metadata, SqliteMetadata):
        places["metadata.path"] = str(Path(config.metadata.path).parent)
    for key, place in places.items():
        if not is_address(place):
            _require_folder(key, Path(place))


def _require_folder(key: str, path: Path) -> None:
    """The nearest part of the path that exists must be a folder we may write in."""
    here = path
    while not here.exists() and here != here.parent:
        here = here.parent
    if not here.is_dir():
        raise ConfigError(
            f"{key}: {path} must be a folder, but {here} is a file", edit=f"{key}, or move {here}"
        )
    if not os.access(here, os.W_OK | os.X_OK):
        raise ConfigError(f"{key}: no permission to write in {here}", edit=key)


def _nodes_share_folders(config: Config) -> None:
    """What nodes share here are files of this machine, which no worker of Dataflow's sees."""
    places = {"output.root": config.output.root, "registry.path": config.registry.path}
    if isinstance(config.notify, NotifyFile):
        places["notify.path"] = config.notify.path
    if isinstance(config.metadata, SqliteMetadata):
        places["metadata.path"] = config.metadata.path
    for key, place in places.items():
        if is_address(place):
            raise ConfigError(
                f"{key} is {place}, expected a folder of this machine: DataGate, ModelManifest, "
                "Registrar and the run's report work on files; a bucket can be mounted as a folder",
                edit=key,
            )
    if isinstance(config.beam, DataflowBeam):
        raise ConfigError(
            "beam.kind is dataflow, whose workers do not see the folder "
            f"{config.output.root} of this machine, which other nodes need; "
            "on Vertex AI all is in a bucket (`taxiway compile --target vertex`)",
            edit="beam.kind",
        )


def _metadata_has_its_password(config: Config) -> None:
    if isinstance(config.metadata, ServerMetadata):
        config.metadata.password()


CHECKS: Final[tuple[Callable[[Config], None], ...]] = (
    check_model,
    _gate_rules_are_known,
    check_addresses,
    _schema_exists,
    _data_exists,
    _nodes_share_folders,
    _places_are_writable,
    _metadata_has_its_password,
)
