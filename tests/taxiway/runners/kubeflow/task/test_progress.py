"""How far a node is stands in its task's log on Kubeflow."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest

from taxiway.config.loader import load_config
from taxiway.process.progress import Progress as HowFar
from taxiway.process.progress import report
from taxiway.runners.console.progress import Progress
from taxiway.runners.console.terminal import TerminalConsole
from taxiway.runners.nodes.events import NodeStarted
from tests.conftest import TINY

pytestmark = pytest.mark.pipeline


def test_what_a_node_says_while_it_is_launched_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from taxiway.runners.kubeflow.task import attempt as module

    class Launcher:
        def launch(self) -> None:
            report(HowFar(3, 8, rows=1_203_000))

    class Node:
        id, type = "Transform", "Transform"
        driver_spec = None

    out = TerminalConsole(file=io.StringIO(), width=120)
    attempt: Any = object.__new__(module.Attempt)
    attempt._config, attempt._run_id, attempt._runs = load_config([TINY]), "r1", None
    attempt._observers, attempt._node = (Progress(out, pace_seconds=0.0),), Node()
    monkeypatch.setattr(module.Attempt, "_reopen", lambda _: None)
    monkeypatch.setattr(module, "make_launcher", lambda *_, **__: Launcher())
    monkeypatch.setattr(module, "result_of_launch", lambda *_: None)
    for observer in attempt._observers:
        observer.on_event(NodeStarted("r1", "Transform"))
    attempt._whole(0.0)
    assert re.fullmatch(
        r"Transform +running +\d+\.\d s  3 of 8 shards, 1,203,000 rows\n",
        out.file.getvalue(),  # type: ignore[attr-defined]  # it is a StringIO
    )
