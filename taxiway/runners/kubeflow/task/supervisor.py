"""Runs one node in a container and keeps the books on its end; a task's command starts this module.

The work is done by a process of its own (attempt.py beside it). This one stays small, so that it is
still there to say what happened when the other is killed, runs out of memory or time, or is
asked to stop.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from taxiway.errors import EXIT_RUN_FAILED, TaxiwayError
from taxiway.process.project import enter_project
from taxiway.runners.kubeflow.task.job import EXIT_NODE, unpack
from taxiway.runners.kubeflow.task.outputs import TaskOutputs
from taxiway.terminal import print_error

PHASES = ("whole", "prepare", "publish")
"""A container component is prepared and published here, and runs in a task of its own between."""

STOPS = (signal.SIGTERM, signal.SIGINT)


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
    parser.add_argument("--timeout-seconds", type=float, help="how long the attempt may take")
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
    stopped: list[signal.Signals] = []
    work = subprocess.Popen(
        [sys.executable, "-m", "taxiway.runners.kubeflow.task.attempt", *argv],
        start_new_session=True,
    )

    def kill() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(work.pid, signal.SIGKILL)

    def stop(number: int, _: object) -> None:
        stopped.append(signal.Signals(number))
        kill()

    before = {one: signal.signal(one, stop) for one in STOPS}
    late = False
    try:
        try:
            work.wait(arguments.timeout_seconds)
        except subprocess.TimeoutExpired:
            late = True
        kill()  # also what the attempt started and left behind
        code = work.wait()
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    if code >= 0 and not stopped:
        return code
    if stopped:
        reason = f"stopped by {stopped[0].name}"
    elif late:
        reason = f"took longer than {arguments.timeout_seconds:g} s"
    else:
        reason = f"killed by {signal.Signals(-code).name}"
        if code == -signal.SIGKILL:
            reason += ", as the kernel does when memory runs out"
    print(f"{job.node_id} {reason}", file=sys.stderr, flush=True)  # noqa: T201  # the pod's log
    if job.node_id != EXIT_NODE:
        _record(arguments, reason, interrupted=bool(stopped))
    return EXIT_RUN_FAILED


def _record(arguments: argparse.Namespace, reason: str, interrupted: bool) -> None:
    """Writes the end into ML Metadata, and removes what was half-written."""
    from taxiway.metadata.records import ErrorKind
    from taxiway.runners.nodes.cleanup import end_node

    job = unpack(arguments.job)
    kind = ErrorKind.INTERRUPTED if interrupted else ErrorKind.FAILED
    end_node(job.resolve(arguments.parameters), arguments.run_id, reason, kind, job.node_id)


if __name__ == "__main__":
    sys.exit(main())
