"""TFX's node launcher, made to clean up when a node is interrupted."""

from __future__ import annotations

from typing import Any

from tfx.orchestration.portable import outputs_utils
from tfx.orchestration.portable.launcher import Launcher


class NodeLauncher(Launcher):  # type: ignore[misc]  # TFX ships no types
    """Runs one node.

    TFX removes half-written outputs after an exception but not after a KeyboardInterrupt, which
    its handlers let pass.
    """

    def _run_executor(self, execution_info: Any) -> Any:
        try:
            return super()._run_executor(execution_info)
        except KeyboardInterrupt:
            outputs_utils.remove_output_dirs(execution_info.output_dict)
            raise
