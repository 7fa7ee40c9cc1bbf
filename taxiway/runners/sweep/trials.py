"""Has trials run by a server process, one after the other; see server.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGINT, Signals
from typing import IO, Any

from taxiway.errors import TaxiwayError
from taxiway.runners.sweep.trial import Order, Result


class Server:
    """A server of trials that has imported all that they need.

    Args:
      process: the server.
      log: where what it prints goes.
    """

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log
        self._trial: int | None = None
        """Process of the trial under way."""

    def run(self, order: Order, tell: Callable[[str], None]) -> Result:
        """Runs a trial to its end.

        Args:
          order: the trial.
          tell: is told what it is at.

        Raises:
          TaxiwayError: the server is no more.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(order.to_line())
            self._process.stdin.flush()
        except OSError:
            raise self._gone() from None
        result: Result | None = None
        while True:
            answer = self._answer()
            self._trial = answer.get("begun", self._trial)
            if "doing" in answer:
                tell(answer["doing"])
            if "result" in answer:
                result = Result(**answer["result"])
            if "ended" in answer:
                self._trial = None
                return result or Result("failed", _death(answer["ended"], self._log))

    def _answer(self) -> Mapping[str, Any]:
        """The next one; Ctrl-C is handed on to the trial, whose own run then says how it ended."""
        assert self._process.stdout is not None
        while True:
            try:
                line = self._process.stdout.readline()
            except KeyboardInterrupt:
                if self._trial is None:
                    raise
                with suppress(ProcessLookupError):
                    os.kill(self._trial, SIGINT)
                continue
            if not line:
                raise self._gone()
            answer: Mapping[str, Any] = json.loads(line)
            return answer

    def _gone(self) -> TaxiwayError:
        code = self._process.wait()
        return TaxiwayError(
            f"the process that runs trials is gone: {_how(code)}", edit=str(self._log)
        )


@contextmanager
def server(pipeline: str, log: Path) -> Iterator[Server]:
    """Starts a server, which ends with the block.

    Args:
      pipeline: module of the pipeline.
      log: where what it prints goes, beside the runs' own logs.
    """
    command = [sys.executable, "-m", "taxiway.runners.sweep.server", str(os.getpid()), pipeline]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as printed, _started(command, printed) as process:
        try:
            yield Server(process, log)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.terminate()


def _started(command: list[str], printed: IO[str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command,
        stdin=pipe,
        stdout=pipe,
        stderr=printed,
        text=True,
        start_new_session=True,  # else a terminal's Ctrl-C would reach a trial twice
    )


def _death(code: int, log: Path) -> str:
    return f"its process died: {_how(code)}; see run.log in its folder, or {log}"


def _how(code: int) -> str:
    return f"{Signals(-code).name}" if code < 0 else f"exit code {code}"
