"""Notify's TFX face, a Python-function component of the exit handler."""
# No `from __future__ import annotations`: TFX reads the annotations of component functions.

import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component

from components.artifacts import RunReport
from taxiway.notify import message_of, parse


@component
def Notify(report: InputArtifact[RunReport], config: Parameter[str]) -> None:
    """Sends the gist of a report; `config` is the notify section."""
    read = json.loads((Path(report.uri) / "report.json").read_text())
    parse(config).send(message_of(read))
