"""Everything about a run that can be known to be wrong before TensorFlow is even loaded."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from taxiway.arrow.ingest import listing
from taxiway.config.beam import DataflowBeam
from taxiway.config.schema import Config
from taxiway.errors import ConfigError, DataError, did_you_mean
from taxiway.evaluation.checks import check_evaluation
from taxiway.evaluation.defaults import for_task
from taxiway.evaluation.ranking import check_ranks
from taxiway.metadata.connection import ServerMetadata, SqliteMetadata
from taxiway.modeling.spec import features_file, load_spec
from taxiway.modeling.spec.schema import check_spec, read_schema
from taxiway.notify import NotifyFile
from taxiway.process.sqlite_file import check_sqlite, check_whole
from taxiway.registry.database.connection import ServerConnection
from taxiway.registry.database.release import check_file
from taxiway.registry.section import SqliteRegistry
from taxiway.registry.versions.semantic import SemanticVersioning
from taxiway.root_cause import root_cause
from taxiway.runners.catalog import module_of

OPENED_SCHEMES: Final = ("gs://",)
PATTERN_CHARACTERS: Final = "*?[\\"
"""TensorFlow takes the path of a model's variables as a pattern, and these not as themselves."""
REGISTRY_TABLE: Final = "model_versions"
METADATA_TABLE: Final = "MLMDEnv"
"""Each database of ML Metadata has it; its schema version is in it."""


def check(config: Config) -> None:
    """Runs every check.

    Raises:
      ConfigError: the first thing that cannot work, with the key or file that mends it.
    """
    for one in CHECKS:
        try:
            one(config)
        except OSError as error:  # a name that is too long, a folder that is not ours
            key = _key_of(config, str(error.filename))
            raise ConfigError(
                f"{key}: {error.filename} cannot be opened: {error.strerror}", edit=key
            ) from None


def _key_of(config: Config, place: str) -> str:
    """The key of a place: the longest value that leads to it, or else the shortest beyond it."""
    values = {
        f"{section}.{key}": value
        for section, keys in config.model_dump(mode="json").items()
        if isinstance(keys, dict)  # goals are a list, without places
        for key, value in keys.items()
        if isinstance(value, str) and value and key != "guards"  # it is push.destination
    }
    before = [(len(value), key) for key, value in values.items() if place.startswith(value)]
    beyond = [(-len(value), key) for key, value in values.items() if value.startswith(place)]
    return max(before or beyond or [(0, "the config")])[1]


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
            f"{key}: {module} does not import: {root_cause(error)}", edit=key
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
    versioning = config.registry.versioning
    if isinstance(versioning, SemanticVersioning) and versioning.metric:
        key, purpose = "registry.versioning.metric", "say which model is better"
        check_ranks(versioning.metric, config.evaluation, spec, key, purpose)


def check_addresses(config: Config) -> None:
    """TensorFlow opens paths and gs:// by itself; any other scheme fails in the middle of a run."""
    places = {  # the others follow from the first
        "output.root": config.output.root,
        "data.root": config.data.root,
        "data.schema_file": config.data.schema_file,
        "push.destination": config.push.destination,
        "registry.store": config.registry.store,
    }
    for key, place in places.items():
        if is_address(place) and not place.startswith(OPENED_SCHEMES):
            raise ConfigError(
                f"{key} is {place}, but TensorFlow opens {OPENED_SCHEMES[0]} and paths only; "
                "another store can be mounted as a folder",
                edit=key,
            )


def check_paths_of_models(config: Config) -> None:
    """Refuses places where TensorFlow would look for a model's variables in another folder.

    It globs the path from which it restores them, and so does whatever serves the model with it.
    """
    places = {
        "output.root": config.output.root,
        "push.destination": config.push.destination,
        "registry.store": config.registry.store,
    }
    for key, place in places.items():
        found = sorted(set(place) & set(PATTERN_CHARACTERS))
        if found:
            raise ConfigError(
                f"{key} is {place}, expected a path without {' '.join(found)}: TensorFlow reads "
                "the path of a model as a pattern, and would load what lies in another folder",
                edit=f"{key}; data.root may hold any character",
            )


def _schema_exists(config: Config) -> None:
    path = config.data.schema_file
    if is_address(path):
        return
    try:
        Path(path).lstat()
        listing.check_file(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigError(
            f"the curated schema {path} does not exist",
            edit="data.schema_file, or schema.pbtxt in the model's folder",
        ) from error
    except DataError as error:
        raise ConfigError(f"the curated schema {error.message}", edit="data.schema_file") from error


def _data_exists(config: Config) -> None:
    root = config.data.root
    if is_address(root):
        return
    if not Path(root).is_dir():  # raises where a folder on the way may not be looked into
        raise ConfigError(
            f"there is no data in {root}: the folder does not exist",
            edit="run `taxiway data` with the same --config and --set, or edit data.root",
        )


def _places_are_writable(config: Config) -> None:
    pushed = "registry.store" if config.registry.approval.holds_back else "push.destination"
    places = {"output.root": config.output.root, pushed: config.push_target.destination}
    if isinstance(config.registry, SqliteRegistry):
        places["registry.path"] = str(Path(config.registry.path).parent)
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


def _databases_can_be_used(config: Config) -> None:
    if isinstance(config.metadata, SqliteMetadata):
        check_sqlite(Path(config.metadata.path), "metadata.path", METADATA_TABLE)
    if isinstance(config.registry, SqliteRegistry):
        registry = Path(config.registry.path)
        if isinstance(config.metadata, SqliteMetadata):
            _are_two_files(Path(config.metadata.path), registry)
        check_file(registry)  # first, since it leaves a newer release's as it is
        check_sqlite(registry, "registry.path", REGISTRY_TABLE)
    elif isinstance(config.metadata, ServerMetadata):
        _are_two_databases(config.metadata, config.registry)


def _are_two_databases(metadata: ServerMetadata, registry: ServerConnection) -> None:
    """Of one server: whoever restores or removes one of them keeps the other."""
    keys = ("kind", "host", "port", "database")
    if all(getattr(metadata, key) == getattr(registry, key) for key in keys):
        raise ConfigError(
            f"metadata.database and registry.database are both {registry.database} at "
            f"{registry.host}, expected a database for each",
            edit="metadata.database or registry.database",
        )


def _are_two_files(metadata: Path, registry: Path) -> None:
    if metadata.resolve() == registry.resolve():
        raise ConfigError(
            f"metadata.path and registry.path are both {registry}, expected a file for each",
            edit="metadata.path or registry.path",
        )


def open_databases(config: Config) -> None:
    """What takes longer, or would keep a run from its work that is under way: for who has the lock.

    Raises:
      ConfigError: the config's approval policy is not the one on record.
      NotAllowed: whoever runs it may not register a version.
      TaxiwayError: a database is damaged or of another release, or a server does not answer.
    """
    if isinstance(config.metadata, SqliteMetadata):
        check_whole(Path(config.metadata.path), "metadata.path")
    if isinstance(config.registry, SqliteRegistry):
        check_whole(Path(config.registry.path), "registry.path")

    from taxiway.metadata.store import run_store
    from taxiway.registry.approval.recorded import check_policy
    from taxiway.registry.auth.actor import Permission, require
    from taxiway.registry.auth.current import current_actor
    from taxiway.registry.database.session import open_database

    run_store(config.metadata).open()
    database = open_database(config.registry)
    with database.reading() as connection:
        check_policy(connection, config.model.name, config.registry)
        require(current_actor(database), Permission.REGISTER, connection)


def _nodes_share_folders(config: Config) -> None:
    """What nodes share here are files of this machine, which no worker of Dataflow's sees."""
    places = {"output.root": config.output.root}
    if isinstance(config.registry, SqliteRegistry):
        places["registry.path"] = config.registry.path
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


def _policy_can_be_met(config: Config) -> None:
    """A bound on a metric that is not measured would reject each version."""
    asked = for_task(config.evaluation, load_spec(config.model.module))
    known = [metric.name for metric in asked.metrics or ()]
    for name in config.registry.approval.asked_metrics:
        if name not in known:
            raise ConfigError(
                f"registry.approval.metrics: '{name}' is not measured{did_you_mean(name, known)} "
                f"(evaluation.metrics: {', '.join(known)})",
                edit="registry.approval.metrics or evaluation.metrics",
            )


def _models_can_be_signed(config: Config) -> None:
    """Else it would fail when everything is done but the registration."""
    config.registry.signing.check()


def _databases_have_their_passwords(config: Config) -> None:
    for section in (config.metadata, config.registry):
        if isinstance(section, ServerMetadata | ServerConnection):
            section.password()


CHECKS: Final[tuple[Callable[[Config], None], ...]] = (
    check_model,
    _policy_can_be_met,
    _gate_rules_are_known,
    check_addresses,
    check_paths_of_models,
    _schema_exists,
    _data_exists,
    _nodes_share_folders,
    _places_are_writable,
    _databases_can_be_used,
    _databases_have_their_passwords,
    _models_can_be_signed,
)
