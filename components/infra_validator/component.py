"""InfraValidator, a fully custom component: a spec, an executor and a component class of its own.

TFX's stock one needs Docker or Kubernetes; this one tries the model in the process that serves it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import artifact_utils
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.types.standard_artifacts import Examples, InfraBlessing, Model
from tfx.utils import io_utils, path_utils

from components.infra_validator.logic import InfraResult, validate
from taxiway.config.gates import InfraValidation
from taxiway.modeling.example_files import files_in, open_examples
from taxiway.modeling.names import EVAL_SPLIT
from taxiway.runners.nodes.declarations import declare

BLESSED_FILE = "INFRA_BLESSED"
NOT_BLESSED_FILE = "INFRA_NOT_BLESSED"
RESULT_FILE = "infra_validation.json"
_log = logging.getLogger(__name__)


class InfraValidatorSpec(ComponentSpec):  # type: ignore[misc]  # TFX ships no types
    """What InfraValidator takes and gives."""

    INPUTS = {  # noqa: RUF012  # TFX reads these as plain class attributes
        "model": ChannelParameter(type=Model),
        "examples": ChannelParameter(type=Examples),
    }
    PARAMETERS = {  # noqa: RUF012  # as TFX's ComponentSpec wants it
        "config": ExecutionParameter(type=str),
        "allowed_operations": ExecutionParameter(type=str),
    }
    OUTPUTS = {"blessing": ChannelParameter(type=InfraBlessing)}  # noqa: RUF012  # as TFX's ComponentSpec wants it


class InfraValidatorExecutor(BaseExecutor):  # type: ignore[misc]  # TFX ships no types
    """Tries the model with rows of the eval split and writes the finding."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Blesses the model, or does not; either way the node succeeds.

        Args:
          input_dict: `model` and `examples` (raw, with an eval split).
          output_dict: `blessing`.
          exec_properties: `config`, the JSON of a taxiway.config.gates.InfraValidation, and
            `allowed_operations`, a JSON list.
        """
        config = InfraValidation.model_validate_json(exec_properties["config"])
        model = artifact_utils.get_single_instance(input_dict["model"])
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        rows = _first_rows(examples, config.requests * config.rows_per_request)
        allowed = json.loads(exec_properties["allowed_operations"])
        with _on_this_machine(path_utils.serving_model_path(model.uri)) as folder:
            result = validate(folder, rows, config, allowed)
        if result.missing:
            _log.warning("the model was tried without all of its isolation: %s", result.missing)
        _write(blessing, result)


@declare(alone=True)
class InfraValidator(BaseComponent):  # type: ignore[misc]  # TFX ships no types
    """Loads the model in a worker process, sends real requests and holds a latency budget.

    Args:
      model: the Trainer's model.
      examples: raw examples with an `eval` split.
      config: the JSON of a taxiway.config.gates.InfraValidation.
      allowed_operations: a JSON list, of `model.allowed_operations`.

    Its `blessing` has the custom properties `blessed` (1 or 0), `reason`, `latency_p50_ms`,
    `latency_p95_ms`, `latency_p99_ms`, `requests`, `isolation` and `missing`.
    """

    SPEC_CLASS = InfraValidatorSpec
    EXECUTOR_SPEC = ExecutorClassSpec(InfraValidatorExecutor)

    def __init__(
        self,
        model: BaseChannel,
        examples: BaseChannel,
        config: str,
        allowed_operations: str = "[]",
    ) -> None:
        super().__init__(
            InfraValidatorSpec(
                model=model,
                examples=examples,
                config=config,
                allowed_operations=allowed_operations,
                blessing=Channel(type=InfraBlessing),
            )
        )


def _first_rows(examples: Any, count: int) -> list[bytes]:
    """The first rows of the eval split, in the order of its files: the same on every run."""
    files = files_in(artifact_utils.get_split_uri([examples], EVAL_SPLIT))
    return list(open_examples(files).take(count).as_numpy_iterator()) if files else []


@contextlib.contextmanager
def _on_this_machine(folder: str) -> Iterator[Path]:
    """A folder as a local one; a remote one is copied, for the worker has no network."""
    if "://" not in folder:
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory(prefix="taxiway-model-") as temporary:
        io_utils.copy_dir(folder, temporary)
        yield Path(temporary)


def _write(blessing: Any, result: InfraResult) -> None:
    values = dataclasses.asdict(result)
    flag = BLESSED_FILE if result.blessed else NOT_BLESSED_FILE
    io_utils.write_string_file(f"{blessing.uri}/{flag}", "")
    io_utils.write_string_file(f"{blessing.uri}/{RESULT_FILE}", json.dumps(values, indent=2) + "\n")
    blessing.set_int_custom_property("blessed", int(result.blessed))
    blessing.set_int_custom_property("requests", result.requests)
    for name in ("reason", "isolation", "missing"):
        blessing.set_string_custom_property(name, values[name])
    for name in ("latency_p50_ms", "latency_p95_ms", "latency_p99_ms"):
        blessing.set_float_custom_property(name, values[name])
