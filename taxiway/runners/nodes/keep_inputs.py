"""Keeps the input files of a run by content before ExampleGen reads them, where the config says so.

Taxiway/tracking does it, which is an optional part; whatever goes wrong costs no run, and the run's
record says then that its input is not kept.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from taxiway.arrow.ingest import listing, spans
from taxiway.config.data import NamedSpan, SpanWindow
from taxiway.config.schema import Config
from taxiway.errors import DataError


def keep_inputs(
    config: Config, run_id: str, say: Callable[[str], None], runner: str = "local"
) -> None:
    """Keeps the files of the config's spans; nothing with `data.keep: none`.

    Args:
      config: the resolved config.
      run_id: the run, whose record says what is kept.
      say: is told what a user should know.
      runner: local or kubeflow.
    """
    if config.data.keep == "none":
        return
    try:
        from taxiway.tracking.recording.writing import record_kept
    except ModuleNotFoundError:  # taken away, as a fork may
        return
    data = config.data
    try:
        found = spans.resolve(data.root, data.pattern, _wanted(data.spans), data.schema_file)
        local = [one for one in found.files if listing.is_local(one.path)]
        if len(local) < len(found.files):
            say("input in a bucket is not kept: data.keep is for files of this machine")
        record_kept(config, run_id, [(one.path, one.name, one.span) for one in local], say, runner)
    except DataError:  # ArrowExampleGen says it best
        logging.info("input is not kept, for it cannot be read")
    except Exception:
        logging.exception("the input of run %s is not kept", run_id)
        say("input is not kept: see the run's log")


def _wanted(chosen: Any) -> spans.SpanRange:
    if isinstance(chosen, NamedSpan):
        return spans.SpanRange(1, chosen.span)
    if isinstance(chosen, SpanWindow):
        return spans.SpanRange(chosen.length, chosen.end)
    return spans.SpanRange(1)
