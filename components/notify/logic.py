"""Telling how a run ended: by the outbox, so that a receiver that is away hears of it later."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from taxiway.notify import Notify, NotifyNone
from taxiway.registry.database.session import Database
from taxiway.registry.outbox.drain import drain
from taxiway.registry.outbox.messages import list_messages, post, release
from taxiway.registry.outbox.senders import NOTIFY, SENDERS

SECONDS: Final = 15.0
"""After which no other message is begun: the end of a run is not held up by a receiver."""


def tell(notify: Notify, database: Database, message: Mapping[str, Any]) -> None:
    """Posts a message, and sends it after what earlier runs could not send to the same receiver.

    A receiver that does not take it is no error here: the message stays in the outbox, which the
    next run drains. Where there is no outbox to be had, the message is sent at once.

    Args:
      notify: the config's section.
      database: the registry.
      message: as `message_of` makes it.

    Raises:
      TaxiwayError: neither the registry nor the receiver took it.
    """
    if isinstance(notify, NotifyNone):
        return
    target = notify.model_dump(mode="json")
    try:
        with database.working() as connection:
            if not post(connection, NOTIFY, message["id"], target, message):
                release(connection, NOTIFY, message["id"])  # who told this end before was killed
    except Exception:  # whatever it is, the message must not be lost with it
        logging.exception("the outbox cannot be used, so the message is sent without it")
        notify.send(message)
        return
    try:
        drain(database, SENDERS, early=True, target=target, seconds=SECONDS)
        for waiting in list_messages(database):
            if waiting.target == target:
                logging.warning("%s is not sent yet: %s", waiting.key, waiting.error)
    except Exception:  # the message is in the outbox
        logging.exception("the outbox is drained by the next run")
