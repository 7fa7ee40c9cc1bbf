"""What a task on a cluster carries: the config, which node to run, and from which code."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from taxiway.config.loader import project_digest, resolve_config
from taxiway.config.schema import Config
from taxiway.errors import ConfigError

EXIT_NODE: Final = "exit"
"""Stands for the exit pipeline, which runs whatever happened."""


@dataclass(frozen=True)
class NodeJob:
    """One task; packed into its command line, so it holds no secret."""

    node_id: str
    config: Mapping[str, Any]
    """As `portable` gives it: places are found anew in the image."""
    code_digest: str
    """Of the code the pipeline was compiled from; the image must hold the same."""
    commit: Mapping[str, str] = field(default_factory=dict)
    """See `commit_of_code`: where it was compiled, since the image has no repository."""

    def pack(self) -> str:
        """A line of letters and digits; the same job always gives the same one."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return base64.b64encode(zlib.compress(text.encode(), 9)).decode()

    def resolve(self, parameters: Sequence[Sequence[str]]) -> Config:
        """The config in this place, with the run's parameters (keys and values) on top.

        Raises:
          ConfigError: a parameter does not fit, or the image holds other code.
        """
        given = [f"{key}={value}" for key, value in parameters if value]  # empty: as compiled
        config = resolve_config(self.config, given)
        found = project_digest(config)
        if found != self.code_digest:
            raise ConfigError(
                f"the image holds other code than the pipeline was compiled from "
                f"(sha256 {found[:12]}, expected {self.code_digest[:12]})",
                edit="kubeflow.image: build and push the image again, then compile again",
            )
        return config


def unpack(text: str) -> NodeJob:
    """The job that `pack` packed.

    Raises:
      ConfigError: it is none.
    """
    try:
        return NodeJob(**json.loads(zlib.decompress(base64.b64decode(text, validate=True))))
    except (binascii.Error, zlib.error, ValueError, TypeError) as error:
        raise ConfigError(f"--job is no compiled node: {error}", edit="compile again") from None
