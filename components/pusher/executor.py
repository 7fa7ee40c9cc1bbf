"""The Pusher's TFX face: the stock spec and artifacts, with the push that the config names."""

from __future__ import annotations

import json
from typing import Any, Final

from tfx.components.pusher import executor
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.utils import io_utils

from taxiway.push import Push, parse
from taxiway.runners.nodes.declarations import declare

PUSH_KEY: Final = "push"
"""In the Pusher's custom_config: the `push` section as JSON."""
RUN_ID_PROPERTY: Final = "pipeline_run_id"
"""Of a pushed model: the run that pushed it."""


def stock_destination(push: Push) -> pusher_pb2.PushDestination:
    """What the stock Pusher's spec asks for; this executor goes by `push_config`."""
    folder = pusher_pb2.PushDestination.Filesystem(base_directory=push.destination)
    return pusher_pb2.PushDestination(filesystem=folder)


def push_config(push: Push) -> dict[str, str]:
    """The Pusher's custom_config."""
    return {PUSH_KEY: push.model_dump_json()}


@declare(never_cached=True)
class Executor(executor.Executor):  # type: ignore[misc]  # TFX ships no types
    """Pushes atomically and, where the destination allows it, each model once.

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
          TaxiwayError: the destination cannot be written.
        """
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        pushed.set_string_custom_property(RUN_ID_PROPERTY, self._context.pipeline_run_id or "")
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        source = self.GetModelPath(input_dict)
        custom = exec_properties["custom_config"]
        config = json.loads(custom) if isinstance(custom, str) else custom
        made = parse(config[PUSH_KEY]).push(source)
        io_utils.copy_dir(source, pushed.uri)
        self._MarkPushed(pushed, pushed_destination=made.place, pushed_version=made.version)
