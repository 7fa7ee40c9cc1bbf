"""Runs one node in a container and keeps the books on its end; a task's command starts this module.

The work is done by a process of its own (attempt.py beside it). This one stays small, so that it is
still there to say what happened when the other is killed, runs out of memory or time, or is
asked to stop. It then starts another attempt, as often as `kubeflow.resources` says and where one
can help: Kubeflow's own retries do so only for pods that vanish (OnError, its default from 2.17).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from taxiway.errors import EXIT_OK, EXIT_RUN_FAILED, TaxiwayError
from taxiway.process.project import enter_project
from taxiway.runners.kubeflow.task.job import EXIT_NODE, unpack
from taxiway.runners.kubeflow.task.outputs import TaskOutputs
from taxiway.terminal import print_error

PHASES = ("whole", "prepare", "publish")
"""A container component is prepared and published here, and runs in a task of its own between."""

STOPS = (signal.SIGTERM, signal.SIGINT)
EXIT_FINAL = 2
"""Of an attempt: it failed, and another one would fail in the same way."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the node.

    Returns:
      0 where it is done, cached or skipped; 1 where it failed, was stopped or was interrupted.
    """
    enter_project()
    arguments = parse(argv)
    try:
        return _supervise(arguments, list(sys.argv[1:] if argv is None else argv))
    except TaxiwayError as error:
        print_error(f"error: {error}")
        return EXIT_RUN_FAILED


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line that the compiler wrote."""
    parser = argparse.ArgumentParser(prog="supervisor", description=__doc__)
    parser.add_argument("--job", required=True, help="the node and its config, packed")
    parser.add_argument("--run-id", required=True, help="the run, as Kubeflow names it")
    parser.add_argument("--phase", choices=PHASES, default="whole")
    parser.add_argument("--timeout-seconds", type=float, help="how long an attempt may take")
    parser.add_argument("--attempts", type=int, default=1, help="how many are made at most")
    parser.add_argument("--attempt", type=int, default=1, help="which of them this is")
    parser.add_argument(
        "--backoff",
        type=float,
        nargs=2,
        default=(0.0, 1.0),
        metavar=("SECONDS", "FACTOR"),
        help="the first wait between attempts, and how many times longer each further one is",
    )
    parser.add_argument(
        "--parameter",
        dest="parameters",
        nargs=2,
        action="append",
        default=[],
        metavar=("KEY", "VALUE"),
        help="a config key and its value in this run; an empty value leaves it as compiled",
    )
    parser.add_argument("--executor-input", default="{}", help="where Kubeflow wants outputs")
    return parser.parse_args(argv)


def run_id_of(arguments: argparse.Namespace) -> str:
    """The run's id: as Kubeflow gives it from 2.5 on, else from where it puts artifacts.

    Raises:
      ConfigError: it is in neither.
    """
    given = str(arguments.run_id)
    if not given.startswith("{{"):  # a placeholder that nobody filled in
        return given
    name = str(unpack(arguments.job).config["pipeline"]["name"])
    return TaskOutputs(arguments.executor_input).run_id(name)


def _supervise(arguments: argparse.Namespace, argv: list[str]) -> int:
    job = unpack(arguments.job)
    arguments.run_id = run_id_of(arguments)
    stop = _Stop()
    code = EXIT_RUN_FAILED
    with stop.heard():
        for attempt in range(1, max(1, arguments.attempts) + 1):
            end = _attempt([*argv, "--attempt", str(attempt)], arguments.timeout_seconds, stop)
            code, last = end.code, attempt >= arguments.attempts
            if end.reason:
                print_error(f"{job.node_id} {end.reason}")
                if job.node_id != EXIT_NODE:
                    _record(arguments, end.reason, stop.signal is not None, last)
            if code in (EXIT_OK, EXIT_FINAL) or last or stop.signal is not None:
                break
            seconds, factor = arguments.backoff
            wait = seconds * factor ** (attempt - 1)
            print_error(
                f"{job.node_id} attempt {attempt + 1} of {arguments.attempts} in {wait:g} s"
            )
            if stop.comes_within(wait):
                break
    outputs = TaskOutputs(arguments.executor_input)
    outputs.complete({"run": arguments.run_id, "node": job.node_id, "state": "FAILED"})
    return EXIT_OK if code == EXIT_OK else EXIT_RUN_FAILED


class _Stop:
    """Whether someone asked to stop; kills the attempt that is at work."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self.group: int | None = None
        self._came = threading.Event()

    def comes_within(self, seconds: float) -> bool:
        """Waits so long at most; whether it came."""
        return self._came.wait(seconds)

    def kill(self) -> None:
        """Ends the attempt's process, and what it started and left behind."""
        if self.group is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.group, signal.SIGKILL)

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Takes the signals while the block runs."""

        def stop(number: int, _: object) -> None:
            self.signal = signal.Signals(number)
            self._came.set()
            self.kill()

        before = {one: signal.signal(one, stop) for one in STOPS}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


@dataclass(frozen=True)
class _End:
    """How an attempt's process ended; the reason is empty where it has told its end itself."""

    code: int
    reason: str = ""


def _attempt(argv: Sequence[str], timeout_seconds: float | None, stop: _Stop) -> _End:
    work = subprocess.Popen(
        [sys.executable, "-m", "taxiway.runners.kubeflow.task.attempt", *argv],
        start_new_session=True,
    )
    stop.group = work.pid
    if stop.signal is not None:  # it came before there was anything to kill
        stop.kill()
    late = False
    try:
        work.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        late = True
    stop.kill()
    code = work.wait()
    stop.group = None
    if stop.signal is not None:
        return _End(EXIT_RUN_FAILED, f"stopped by {stop.signal.name}")
    if code >= 0:
        return _End(code)
    if late:
        return _End(EXIT_RUN_FAILED, f"took longer than {timeout_seconds:g} s")
    reason = f"killed by {signal.Signals(-code).name}"
    if code == -signal.SIGKILL:
        reason += ", as the kernel does when memory runs out"
    return _End(EXIT_RUN_FAILED, reason)


def _record(arguments: argparse.Namespace, reason: str, interrupted: bool, last: bool) -> None:
    """Writes the end into ML Metadata, and removes what was half-written."""
    from taxiway.metadata.records import ErrorKind
    from taxiway.metadata.store import run_store
    from taxiway.runners.nodes.cleanup import end_node

    job = unpack(arguments.job)
    kind = ErrorKind.INTERRUPTED if interrupted else ErrorKind.FAILED
    config = job.resolve(arguments.parameters)
    end_node(config, arguments.run_id, reason, kind, job.node_id)
    if last:
        run_store(config.metadata).give_up(arguments.run_id, job.node_id)


if __name__ == "__main__":
    sys.exit(main())
