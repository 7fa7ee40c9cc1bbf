"""One run on this machine, from config to summary."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taxiway.arrow.ingest import listing
from taxiway.config.loader import to_yaml
from taxiway.config.schema import Config
from taxiway.errors import EXIT_OK, EXIT_RUN_FAILED, DataError, TaxiwayError
from taxiway.modeling.inputs import write_inputs
from taxiway.process.lean_imports import lean_imports
from taxiway.process.memory import few_arenas, share_gpu
from taxiway.process.provenance import provenance
from taxiway.process.temporary import run_folder
from taxiway.push.folder import FilesystemPush, remove_dead_pushes
from taxiway.runners.catalog import load_pipeline
from taxiway.runners.console.capture import captured_output
from taxiway.runners.console.live import waiting
from taxiway.runners.console.summary import print_summary
from taxiway.runners.console.terminal import TerminalConsole
from taxiway.runners.local.lock import run_lock
from taxiway.runners.nodes.keep_inputs import keep_inputs
from taxiway.runners.nodes.run_index import RunIndex, index_run
from taxiway.runners.nodes.run_mirror import RunMirror, mirror_ended
from taxiway.runners.nodes.run_recorder import RunRecorder, record_killed, recorded
from taxiway.runners.preflight import check, open_databases
from taxiway.terminal import one_line
from taxiway.workers.active import prepare, working

if TYPE_CHECKING:
    from taxiway.runners.nodes.events import RunObserver


def run_pipeline(
    config: Config,
    command: str,
    as_json: bool = False,
    observers: Sequence[RunObserver] = (),
    run_id: str = "",
    deliver: bool = True,
) -> int:
    """Runs the pipeline that the config names and prints how it went.

    Args:
      config: the resolved config.
      command: the command line, kept with the run.
      as_json: print the report as JSON, and nothing else, on standard output.
      observers: receive each event too, those of the exit handler's own pipeline included.
      run_id: see `new_run_id`; empty makes one.
      deliver: see `LocalRunner`.

    Returns:
      The exit code: 0 where the run succeeded.

    Raises:
      TaxiwayError: nothing could be started.
    """
    check(config)
    run_id = run_id or new_run_id()
    origin = provenance({"container.image": config.container.image})
    properties = {"config": to_yaml(config), "command": command, **origin}
    folder = Path(config.output.report_folder(run_id))
    try:
        write_inputs(config)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").write_text(properties["config"], encoding="utf-8")
        (folder / "command.txt").write_text(command + "\n", encoding="utf-8")
    except OSError as error:
        raise TaxiwayError(
            f"cannot write below {config.output.root}: {error}", edit="output.root"
        ) from None
    started = time.monotonic()
    with (
        captured_output(folder / "run.log") as console,
        recorded(config, run_id, properties) as recorder,
    ):
        console.quiet = as_json
        try:
            with (
                run_folder(),
                run_lock(config.metadata, run_id, console.print, partial(_bury, config, console)),
                working(config.engine.workers),
            ):
                open_databases(config)
                index_run(config, run_id)
                if isinstance(config.push_target, FilesystemPush):
                    remove_dead_pushes(Path(config.push_target.destination))
                prepare(_input_bytes(config))
                keep_inputs(config, run_id, console.print)
                few_arenas()
                share_gpu()
                report, loading = _run(
                    config, run_id, properties, folder, console, observers, recorder, deliver
                )
                request = _request(config, report, folder)
        except KeyboardInterrupt:
            raise TaxiwayError("interrupted before the first node") from None
        if as_json:
            console.quiet = False
            console.show_json(report)
        else:
            seconds = time.monotonic() - started
            url = _predict_url(config)
            print_summary(console, report, str(folder), seconds, loading, request, url)
    return EXIT_OK if report["outcome"] == "succeeded" else EXIT_RUN_FAILED


def _bury(config: Config, console: TerminalConsole, run_id: str) -> None:
    """Ends what a run has left open that was killed; it must not keep this one from its work."""
    try:
        from taxiway.runners.nodes.cleanup import end_dead_run

        nodes = end_dead_run(config.metadata, run_id)
        record_killed(config, run_id)
        index_run(config, run_id)
        mirror_ended(config, run_id, at_once=False)
    except Exception:
        logging.exception("what run %s has left could not be cleaned up", run_id)
        return
    at = f" in {', '.join(nodes)}" if nodes else ""
    told = f"run {run_id} was killed{at}; what it left half-written is removed"
    logging.warning(told)
    console.print(told, markup=False)


def _unsent(config: Config, run_id: str) -> list[str]:
    """What of this run waits in the outbox, in a line each."""
    from taxiway.registry.database.session import open_database
    from taxiway.registry.outbox.messages import list_messages

    try:
        found = list_messages(open_database(config.registry), key_prefix=f"{run_id}:")
    except TaxiwayError:  # a run is told of by its report
        logging.exception("the outbox could not be looked into")
        return []
    later = "the next run sends it, or `taxiway outbox flush`"
    return [
        one_line(f"{one.kind}: not sent yet{f': {one.error}' if one.error else ''}; {later}")
        for one in found
    ]


def _request(config: Config, report: Mapping[str, Any], folder: Path) -> str:
    """A file with a request for the pushed model; nothing where there is none to be made."""
    from taxiway.metadata.store import run_store
    from taxiway.runners.local.example_request import write_example_request

    if not report["pushed_to"] or report["release"]:  # it does not serve yet
        return ""
    try:
        nodes = run_store(config.metadata).nodes(report["run_id"])
        return write_example_request(config, nodes, folder)
    except Exception:  # a hint at the end must not fail a run that has succeeded
        logging.exception("no example request could be made")
        return ""


def _predict_url(config: Config) -> str:
    """Where the gateway answers for the config's model."""
    serving = config.serving
    scheme = "https" if serving.tls.certificate else "http"
    host = f"[{serving.host}]" if ":" in serving.host else serving.host
    return f"{scheme}://{host}:{serving.port}/v1/models/{config.model.name}:predict"


def _input_bytes(config: Config) -> int:
    """Size of the input on this machine, as examples would take it: Parquet packs a row better."""
    pattern = config.data.pattern.replace("{SPAN}", "*")
    newest = getattr(config.data.spans, "length", 1)
    try:
        found = listing.matching(config.data.root, pattern) if "{" not in pattern else ()
        sizes = sorted((listing.check_file(path).st_size for path in found), reverse=True)
    except DataError:  # ArrowExampleGen says it best
        return 0
    return sum(sizes[:newest]) * (1 if config.data.format == "csv" else 4)


def new_run_id() -> str:
    """Sorts by time of start, and is unique though two runs start in one second."""
    return f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _run(
    config: Config,
    run_id: str,
    properties: Mapping[str, str],
    folder: Path,
    console: TerminalConsole,
    observers: Sequence[RunObserver],
    recorder: RunRecorder,
    deliver: bool,
) -> tuple[dict[str, Any], float]:
    """The report, and the seconds that imports took."""
    started = time.monotonic()
    with waiting(console, "loading TensorFlow and TFX"), lean_imports():
        from taxiway.runners.console.progress import Progress
        from taxiway.runners.local.exit_handler import ExitHandler
        from taxiway.runners.local.runner import LocalRunner
        from taxiway.runners.nodes.event_log import EventLog

        create = load_pipeline(config)
    loading = time.monotonic() - started

    exit_handler = ExitHandler(config, (EventLog(), recorder, *observers))
    at_the_end = (exit_handler, recorder, RunIndex(config), RunMirror(config))
    runner = LocalRunner(
        config,
        observers=(Progress(console), EventLog(), *observers, *at_the_end),
        run_properties=properties,
        deliver=deliver,
    )
    ended = runner.run_pipeline(create(config), run_id)
    if exit_handler.ended is not None and exit_handler.ended.failure is not None:
        failed = exit_handler.ended.failure
        console.print(f"exit handler: {failed.node_id} failed: {failed.reason}")
    for told in _unsent(config, run_id):
        console.print(told, markup=False, soft_wrap=True)
    path = folder / "report.json"
    if not path.is_file():
        reason = exit_handler.ended and exit_handler.ended.failure
        failure = ended.failure or reason
        raise TaxiwayError(
            f"the run left no report: {failure.reason if failure else 'unknown reason'}",
            edit=str(path.with_name("run.log")),
        )
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if ended.failure is not None:
        report["failure"] = {
            "node": ended.failure.node_id,
            "reason": ended.failure.reason,
            "edit": ended.failure.edit,
        }
    return report, loading
