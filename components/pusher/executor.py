"""The Pusher's TFX face: the stock spec and artifacts, with the push that the config names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tfx.components.pusher import executor
from tfx.dsl.io import fileio
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.utils import io_utils

from taxiway.metadata.records import NodeRecord, artifact_of
from taxiway.process.manifest import MANIFEST_FILE, digest, manifest_text, verify
from taxiway.push import Push, parse
from taxiway.registry.approval.recorded import check_policy
from taxiway.registry.approval.states import require_unrefused
from taxiway.registry.database.session import open_database
from taxiway.registry.section import Registry, is_here, parse_registry
from taxiway.registry.versions.records import find_version
from taxiway.runners.nodes.declarations import declare

_BLOCK: Final = 2**20
PUSH_KEY: Final = "push"
"""In the Pusher's custom_config: the `push` section as JSON."""
REGISTRY_KEY: Final = "registry"
"""The `registry` section as JSON."""
MODEL_KEY: Final = "model"
RUN_ID_PROPERTY: Final = "pipeline_run_id"
"""Of a pushed model: the run that pushed it."""


def stock_destination(push: Push) -> pusher_pb2.PushDestination:
    """What the stock Pusher's spec asks for; this executor goes by `push_config`."""
    folder = pusher_pb2.PushDestination.Filesystem(base_directory=push.destination)
    return pusher_pb2.PushDestination(filesystem=folder)


def push_config(push: Push, registry: Registry, model: str) -> dict[str, str]:
    """The Pusher's custom_config.

    Args:
      push: where it puts a model; see `Config.push_target`.
      registry: whose policy it asks before.
      model: the name of the model there.
    """
    return {
        PUSH_KEY: push.model_dump_json(),
        REGISTRY_KEY: registry.model_dump_json(),
        MODEL_KEY: model,
    }


def lost(records: Sequence[NodeRecord], parameters: Mapping[str, Any]) -> str:
    """Why what a server takes is not the model that a run has pushed; empty where it is."""
    pushed = artifact_of(records, "PushedModel")
    place = pushed and pushed.properties.get("pushed_destination")
    return parse(_custom(parameters)[PUSH_KEY]).lost(place) if place else ""


@declare(never_cached=True, lost=lost, delivers=True)
class Executor(executor.Executor):  # type: ignore[misc]  # TFX ships no types
    """Pushes a model with its manifest, atomically, unless it is what the destination serves.

    A condition makes the blessings inputs of the Pusher, so a new blessing of an unchanged model
    runs it again; the stock executor would then push a second copy as a newer version.
    """

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See the stock executor.

        Raises:
          ConfigError: the config's approval policy is not the one on record.
          NotApproved: the same model is archived or rejected, and would serve at once.
          TaxiwayError: the destination cannot be written, or a copy is not as its manifest says.
        """
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        pushed.set_string_custom_property(RUN_ID_PROPERTY, self._context.pipeline_run_id or "")
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        source = self.GetModelPath(input_dict)
        manifest = manifest_text(_digests(source))
        custom = _custom(exec_properties)
        settings = parse_registry(custom[REGISTRY_KEY])
        if is_here(settings):
            require_pushable(settings, custom[MODEL_KEY], digest(manifest))
        io_utils.copy_dir(source, pushed.uri)
        io_utils.write_string_file(f"{pushed.uri}/{MANIFEST_FILE}", manifest)
        if "://" not in pushed.uri:
            verify(Path(pushed.uri))
        made = parse(custom[PUSH_KEY]).push(pushed.uri)
        self._MarkPushed(pushed, pushed_destination=made.place, pushed_version=made.version)


def require_pushable(settings: Registry, model: str, model_digest: str) -> None:
    """Raises where a push would go around the policy on record.

    Raises:
      ConfigError: the config has another policy, or fills the folder of another one.
      NotApproved: the model is archived or rejected, and its push would serve at once.
    """
    database = open_database(settings)
    with database.reading() as connection:
        check_policy(connection, model, settings)
    known = find_version(database, model, model_digest)
    if known is not None and not settings.approval.holds_back:
        with database.reading() as connection:
            require_unrefused(connection, known, settings.environment)


def _custom(parameters: Mapping[str, Any]) -> dict[str, str]:
    custom = parameters["custom_config"]
    config: dict[str, str] = json.loads(custom) if isinstance(custom, str) else custom
    return config


def _digests(folder: str) -> dict[str, str]:
    """sha256 of each file by its name below the folder, which may be in a bucket."""
    found = {}
    for parent, _, names in fileio.walk(folder):
        for name in names:
            path = f"{parent.rstrip('/')}/{name}"
            total = hashlib.sha256()
            with fileio.open(path, "rb") as file:
                while block := file.read(_BLOCK):
                    total.update(block)
            found[path.removeprefix(f"{folder.rstrip('/')}/")] = total.hexdigest()
    return found
