"""Puts what MLflow is to hear into the outbox, and sends it as far as there is time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from taxiway.config.schema import Config
from taxiway.config.tracking import TrackingMlflow
from taxiway.registry.catalog.labels import Subject, tags_of
from taxiway.registry.catalog.overview import aliases_by_model
from taxiway.registry.database.session import Database, open_database
from taxiway.registry.database.tables import now
from taxiway.registry.outbox.drain import drain, retry_given_up
from taxiway.registry.outbox.messages import list_messages, post, release
from taxiway.registry.section import is_here
from taxiway.tracking.mlflow.mirrored import Message, mirrored_aliases, mirrored_run
from taxiway.tracking.mlflow.send import MLFLOW, send
from taxiway.tracking.run_record.files import read_record

SECONDS: Final = 1.4
"""In which the server is to have answered; a run waits for it no longer than PATIENCE_SECONDS."""
PATIENCE_SECONDS: Final = 1.7
"""The longest wait: looking up a name, or a server that trickles, knows no other bound."""


def mirror_run(config: Config, run_id: str, at_once: bool = True) -> None:
    """Has MLflow told of a run that has ended; at once where the server is there, or else later.

    Args:
      config: of the run, or of one that shares its registry.
      run_id: the run; nothing is told of one without a record.
      at_once: try it now; otherwise whoever has something to tell next does.
    """
    folder = Path(config.output.report_folder(run_id))
    if not isinstance(config.tracking, TrackingMlflow) or not is_here(config.registry):
        return
    record = read_record(folder)
    if record is None:
        logging.warning("run %s has no record.json, so that MLflow is not told of it", run_id)
        return
    database = open_database(config.registry)
    with database.reading() as connection:
        run = mirrored_run(record, str(folder), tags_of(connection, Subject("run", run_id)))
        versions = aliases_by_model(connection).get(run.model, {})
    message = Message(at=now(), run=run, aliases=mirrored_aliases(run.model, versions))
    _tell(config, database, f"{run_id}:{MLFLOW}:{message.digest()}", message, at_once)


def mirror_model(config: Config, model: str) -> None:
    """Has MLflow told which versions a model's aliases mean now.

    Args:
      config: whose registry and server are meant.
      model: its name.
    """
    if not isinstance(config.tracking, TrackingMlflow):
        return
    database = open_database(config.registry)
    with database.reading() as connection:
        versions = aliases_by_model(connection).get(model, {})
    message = Message(at=now(), aliases=mirrored_aliases(model, versions))
    # The same aliases may come again after others: each change is a message of its own.
    _tell(config, database, f"{model}:{MLFLOW}:{message.at}", message)


def target_of(config: Config) -> dict[str, Any]:
    """The `tracking` section as messages name it, with its experiment."""
    section = config.tracking
    assert isinstance(section, TrackingMlflow)
    experiment = section.experiment or config.pipeline.name
    return section.model_dump(mode="json") | {"experiment": experiment}


def send_all(config: Config, early: bool) -> int:
    """Sends all that waits for the config's server, however long that takes; how many it took.

    Args:
      config: whose registry and server are meant.
      early: also what failed and is not due yet, or was given up.
    """
    if not isinstance(config.tracking, TrackingMlflow):
        return 0
    database = open_database(config.registry)
    if early:
        retry_given_up(database, MLFLOW)
    return drain(database, {MLFLOW: send}, early=early, target=target_of(config)).sent


def _tell(
    config: Config, database: Database, key: str, message: Message, at_once: bool = True
) -> None:
    target = target_of(config)
    with database.working() as connection:
        _post(connection, key, target, message)
    if not at_once:
        return
    if not _send_waiting(database, target):
        with database.working() as connection:
            release(connection, MLFLOW, key)  # who comes next need not wait for its lease
    for waiting in list_messages(database, key_prefix=key):
        why = f": {waiting.error}" if waiting.error else ""
        logging.warning("MLflow is not told of %s yet%s", key.partition(":")[0], why)


def _post(connection: Connection, key: str, target: Mapping[str, Any], message: Message) -> None:
    if not post(connection, MLFLOW, key, target, message.model_dump(mode="json")):
        release(connection, MLFLOW, key)  # who told this end before was killed


def _send_waiting(database: Database, target: Mapping[str, Any]) -> bool:
    """Sends what waits for a server, as far as there is time; False where it did not even fail."""
    ends = time.monotonic() + SECONDS

    def within(to: Mapping[str, Any], payload: Mapping[str, Any]) -> None:
        send(to, payload, ends - time.monotonic())

    def work() -> None:
        try:
            drain(database, {MLFLOW: within}, early=True, target=target, seconds=SECONDS / 2)
        except Exception:  # the messages are in the outbox
            logging.exception("what waits for MLflow is sent by the next run")

    thread = threading.Thread(target=work, name="mlflow", daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    return not thread.is_alive()
