"""What Kubeflow's UI is given to show: metrics, a page, and parameters for other tasks."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from taxiway.errors import ConfigError

METRICS_OUTPUT: Final = "metrics"
RECORD_OUTPUT: Final = "record"
REPORT_OUTPUT: Final = "report"

LOCAL_FOLDERS: Final = {"gs://": "/gcs/", "s3://": "/s3/", "minio://": "/minio/"}
"""Where KFP's launcher keeps a bucket's files while a task runs."""


class TaskOutputs:
    """The places for a task's outputs, as the placeholder `{{$}}` names them.

    Args:
      executor_input: JSON of KFP's ExecutorInput; `{}` for a task without outputs.
    """

    def __init__(self, executor_input: str) -> None:
        outputs = json.loads(executor_input).get("outputs", {})
        self._artifacts: dict[str, Any] = outputs.get("artifacts", {})
        self._parameters: dict[str, Any] = outputs.get("parameters", {})
        self._output_file: str = outputs.get("outputFile", "")

    def __contains__(self, name: str) -> bool:
        """Whether the task declares an artifact of this name."""
        return name in self._artifacts

    def run_id(self, pipeline_name: str) -> str:
        """The run, from where its artifacts go: `<root>/<pipeline>/<run>/<task>/...`.

        It is the last such place: a bucket or a folder of the root may have the pipeline's name,
        and so may the task.

        Raises:
          ConfigError: no artifact goes to such a place.
        """
        for artifact in self._artifacts.values():
            parts = str(artifact["artifacts"][0]["uri"]).split("/")
            for index in range(len(parts) - 4, 0, -1):  # the run, the task and the output follow
                if parts[index] == pipeline_name:
                    return parts[index + 1]
        raise ConfigError(
            "Kubeflow fills in no run id here, and none is to be found in the artifacts' addresses",
            edit="the pipeline: it must be run by Kubeflow Pipelines 2.4.1 or newer",
        )

    def write_record(self, name: str, record: Mapping[str, Any]) -> None:
        """What ML Metadata knows of the node, as text and beside it in the UI."""
        self._write(name, json.dumps(dict(record), indent=2, sort_keys=True), record)

    def write_metrics(self, name: str, metrics: Mapping[str, float]) -> None:
        """Numbers that the UI shows in a table and compares between runs.

        Those that are not finite are left out: KFP's JSON has no word for them, and would fail.
        """
        finite = {key: value for key, value in metrics.items() if math.isfinite(value)}
        self._write(name, json.dumps(finite, sort_keys=True), finite)

    def write_page(self, name: str, html: str) -> None:
        """A page that the UI shows whole."""
        self._write(name, html, {})

    def complete(self, record: Mapping[str, Any]) -> None:
        """Writes what the task declares and has not written, for whom it ended too early.

        From the release after 2.17 on, KFP fails a task whose declared output is missing.
        """
        for name in self._artifacts:
            if not Path(self._local(name)).exists():
                self.write_record(name, record)
        for name, parameter in self._parameters.items():
            if not Path(parameter["outputFile"]).exists():
                self.write_parameters({name: ""})

    def write_parameters(self, values: Mapping[str, str]) -> None:
        """Strings that other tasks take."""
        for name, value in values.items():
            path = Path(self._parameters[name]["outputFile"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(value, encoding="utf-8")

    def _local(self, name: str) -> str:
        return local_path(self._artifacts[name]["artifacts"][0]["uri"])

    def _write(self, name: str, text: str, metadata: Mapping[str, Any]) -> None:
        artifact = self._artifacts[name]["artifacts"][0]
        path = Path(self._local(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        output_file = Path(self._output_file)
        output_file.parent.mkdir(parents=True, exist_ok=True)
        told = json.loads(output_file.read_text("utf-8")) if output_file.exists() else {}
        one = {"name": artifact["name"], "uri": artifact["uri"], "metadata": dict(metadata)}
        artifacts = told.get("artifacts", {}) | {name: {"artifacts": [one]}}
        output_file.write_text(json.dumps({"artifacts": artifacts}), encoding="utf-8")


def local_path(uri: str) -> str:
    """Where KFP wants the file of an output artifact."""
    for scheme, folder in LOCAL_FOLDERS.items():
        if uri.startswith(scheme):
            return folder + uri.removeprefix(scheme)
    return uri
