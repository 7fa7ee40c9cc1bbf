"""The Pusher's TFX face: the stock spec and artifacts, with our push in place of the stock one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx.components.pusher import executor
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.utils import io_utils, proto_utils

from components.pusher.logic import RUN_ID_PROPERTY, push


class Executor(executor.Executor):  # type: ignore[misc]  # TFX ships no types
    """Pushes to local folders atomically and each model once; elsewhere as the stock one does.

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
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties["push_destination"], destination)
        base = destination.filesystem.base_directory
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        pushed.set_string_custom_property(RUN_ID_PROPERTY, self._context.pipeline_run_id or "")
        if "://" in base or not self.CheckBlessing(input_dict):
            super().Do(input_dict, output_dict, exec_properties)
            return
        source = self.GetModelPath(input_dict)
        version = push(Path(source), Path(base))
        io_utils.copy_dir(source, pushed.uri)
        self._MarkPushed(pushed, pushed_destination=str(version), pushed_version=version.name)
