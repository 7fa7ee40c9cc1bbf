"""Notify's TFX face, a Python-function component of the exit handler."""
# No `from __future__ import annotations`: TFX reads the annotations of component functions.

import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component

from components.artifacts import RunReport
from components.notify.logic import tell
from taxiway.notify import message_of, parse
from taxiway.registry.database.session import open_database
from taxiway.registry.section import parse_registry


@component
def Notify(
    report: InputArtifact[RunReport], config: Parameter[str], registry: Parameter[str]
) -> None:
    """Sends the gist of a report; `config` is the notify section, `registry` has the outbox."""
    read = json.loads((Path(report.uri) / "report.json").read_text())
    tell(parse(config), open_database(parse_registry(registry)), message_of(read))
