"""A run in a notebook: its nodes one by one, a key changed, and what came of it."""

from __future__ import annotations

import functools
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.metadata.describe import describe_node
from taxiway.metadata.records import NodeRecord

if TYPE_CHECKING:
    from taxiway.runners.local.steps import Steps
    from taxiway.runners.nodes.results import NodeResult


class Session:
    """One run, begun when its first node is run.

    What the libraries log goes to the run's own run.log.

    Args:
      overlays: names in configs/ (`smoke`), or YAML files; none means `local`.
      settings: values by dotted key, over those of the files:
        `Session("smoke", **{"model.hyperparameters.epochs": 3})`.

    Raises:
      ConfigError: as `taxiway run` would.
    """

    def __init__(self, *overlays: str, **settings: Any) -> None:
        self._overlays, self._settings = overlays, settings
        assignments = [f"{key}={_written(value)}" for key, value in settings.items()]
        self.config: Config = load_config(overlays, assignments)
        self._steps: Steps | None = None

    def changed(self, **settings: Any) -> Session:
        """Another run, with some keys changed; what they do not touch is reused."""
        return Session(*self._overlays, **self._settings | settings)

    @property
    def run_id(self) -> str:
        """Of the run; empty before its first node."""
        return self._steps.run_id if self._steps else ""

    @property
    def nodes(self) -> list[str]:
        """Every node of the pipeline, each after those it waits for."""
        return self._begun().nodes

    def run(self, *nodes: str) -> None:
        """Runs nodes, and before them those they wait for; prints what each has made.

        Raises:
          TaxiwayError: one failed; what made it fail can be mended and the cell run again.
        """
        steps = self._begun()
        known = dict(steps.results)
        try:
            for node in nodes:
                with _logged(steps.folder):
                    steps.run(node)
        finally:
            _print_new(steps, known)

    def record(self, node: str) -> NodeRecord:
        """What ML Metadata has of a node; it is run where it has not been yet."""
        if node not in self._begun().results:
            self.run(node)
        return self._begun().record(node)

    def artifact(self, node: str, output: str) -> str:
        """Folder of what a node made."""
        found = self.record(node).output(output)
        if found is None:
            raise KeyError(f"{node} has no output '{output}'")
        return found.uri

    def logged(self) -> AbstractContextManager[object]:
        """Within it, what libraries say goes to the run's log and not below the cell."""
        return _logged(self._begun().folder)

    def finish(self) -> Path:
        """Runs the rest; the path of the report."""
        steps = self._begun()
        known = dict(steps.results)
        with _logged(steps.folder):
            ended = steps.finish()
        _print_new(steps, known)
        print(f"run {self.run_id} {ended.outcome.value}")  # noqa: T201  # a cell's output
        return steps.folder / "report.html"

    def _begun(self) -> Steps:
        if self._steps is None:
            from taxiway.runners.local.run import new_run_id

            run_id = new_run_id()
            folder = Path(self.config.output.report_folder(run_id))
            with _logged(folder):
                from taxiway.runners.local.steps import Steps

                self._steps = Steps(self.config, run_id, logging.getLogger("taxiway").info)
        return self._steps


@contextmanager
def _logged(folder: Path) -> Iterator[None]:
    """Sends what libraries print to a log; a kernel's own streams are no file descriptors."""
    from taxiway.runners.console.capture import captured_output

    with (
        redirect_stdout(_stream(1)),
        redirect_stderr(_stream(2)),
        captured_output(folder / "run.log"),
    ):
        yield


@functools.cache
def _stream(descriptor: int) -> TextIO:
    """A stream on a descriptor, never closed: whoever begins to log in a cell goes on after it."""
    return os.fdopen(descriptor, "w", buffering=1, closefd=False)


def _written(value: Any) -> str:
    """A value as an assignment has it: YAML, which JSON is."""
    return value if isinstance(value, str) else json.dumps(value)


def _print_new(steps: Steps, known: Mapping[str, NodeResult]) -> None:
    """A line for each node that has a result since."""
    for name, result in steps.results.items():
        if known.get(name) is not result:
            print(_line(name, result))  # noqa: T201  # a cell's output


def _line(name: str, result: NodeResult) -> str:
    """Such as `Trainer  4.1 s  5 epochs`."""
    from taxiway.runners.nodes.events import NodeCached, NodeFailed, NodeSkipped

    if isinstance(result, NodeFailed):
        return f"{name:22} {result.kind.value:>8}  {result.reason}"
    if isinstance(result, NodeSkipped):
        return f"{name:22} {'skipped':>8}  {result.reason}"
    how = "reused" if isinstance(result, NodeCached) else f"{result.seconds:.1f} s"
    return f"{name:22} {how:>8}  {describe_node(result.record)}".rstrip()
