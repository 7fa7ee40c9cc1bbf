"""What earlier nodes left is taken only as long as it is whole.

TFX's cache hands on whatever has a folder still. Here it goes on to an older execution, or has the
node run again, where a file is gone or changed; and a node whose input is not whole does not start.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final

from tfx.orchestration.portable import cache_utils
from tfx.types import artifact_utils

from taxiway.errors import TaxiwayError
from taxiway.metadata.records import ArtifactRecord
from taxiway.process import inventory

Artifacts = Mapping[str, Sequence[Any]]
"""TFX's, by input or output key."""
OWN_CHECK: Final = "CHECKS_INPUTS"
"""An executor's attribute: keys of inputs that it judges by itself, and can do without."""

_say: ContextVar[Callable[[str], None]] = ContextVar("say")


class _Verifying:
    """Stands for TFX's artifact_utils in its cache, which asks it whether outputs are still there.

    TFX takes a RuntimeError for a no, and goes on to the next execution that made the same.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(artifact_utils, name)

    @staticmethod
    def verify_artifacts(artifacts: Artifacts) -> None:
        """As TFX's, which looks for the folder alone."""
        for key, each in artifacts.items():
            for artifact in each:
                try:
                    artifact_utils.verify_artifacts(artifact)
                except RuntimeError:
                    fault = f"{artifact.uri} is gone"
                else:
                    fault = inventory.fault(artifact.uri, _properties(artifact))
                if fault:
                    _tell(f"its {key} of before is not reused, since it is not whole: {fault}")
                    raise RuntimeError(fault)


cache_utils.artifact_utils = _Verifying()


def _tell(text: str) -> None:
    say = _say.get(None)
    if say is not None:
        say(text)


@contextlib.contextmanager
def telling(say: Callable[[str], None]) -> Iterator[None]:
    """While TFX looks for outputs to reuse, tells `say` what is wrong with the newest of them.

    Older ones, to which TFX goes on, have been told of when they were the newest.
    """
    told = False

    def once(text: str) -> None:
        nonlocal told
        if not told:
            told = True
            say(text)

    token = _say.set(once)
    try:
        yield
    finally:
        _say.reset(token)


def take_inventory(outputs: Artifacts, executor_output: Any) -> None:
    """Writes on each output of a node that has ended well what it holds.

    Args:
      outputs: as the launcher made them.
      executor_output: TFX's ExecutorOutput, whose artifacts are published in place of `outputs`
        where it has any.
    """
    for key, artifacts in outputs.items():
        made = executor_output.output_artifacts
        protos = (
            made[key].artifacts
            if key in made
            else [artifact.mlmd_artifact for artifact in artifacts]
        )
        for proto in protos:
            for name, value in inventory.Inventory(proto.uri).properties().items():
                proto.custom_properties[name].string_value = value


def check_inputs(inputs: Artifacts, executor_class: Any) -> None:
    """Refuses to work on what is not whole, as where a cleaner came between two nodes.

    Raises:
      TaxiwayError: says which input, and what is wrong with it.
    """
    own = getattr(executor_class, OWN_CHECK, ())
    for key, artifacts in inputs.items():
        for artifact in artifacts if key not in own else ():
            fault = inventory.fault(artifact.uri, _properties(artifact), content=False)
            if fault:
                raise TaxiwayError(
                    f"its input '{key.lstrip('_')}' is not whole: {fault}",
                    edit="nothing: run again, and the node that made it makes it again",
                )


def fault_of(record: ArtifactRecord) -> str:
    """Why an artifact cannot be reused; empty where it can."""
    if not record.live:
        return f"{record.uri} was deleted"
    return inventory.fault(record.uri, record.properties)


def _properties(artifact: Any) -> dict[str, str]:
    found = artifact.mlmd_artifact.custom_properties
    names = (inventory.FILES_PROPERTY, inventory.CONTENT_PROPERTY)
    return {name: found[name].string_value for name in names if name in found}
