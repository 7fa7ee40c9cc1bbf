"""The process of a gateway: its loop, its signals, and what it tells as it starts and ends."""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import uvloop

from taxiway.errors import ConfigError
from taxiway.serving.gateway.gateway import AccessLines, Gateway

if TYPE_CHECKING:
    from taxiway.config.schema import Config
    from taxiway.registry.auth.actor import Actor
    from taxiway.registry.database.session import Database

_OWN_FILES: Final = 256
"""Of the registry, the log, workers, and connections of the operators' port."""
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_WRITING = threading.Lock()

Tell = Callable[[Gateway], None]


def run(
    config: Config,
    database: Database,
    actor: Actor,
    *,
    listening: Tell,
    ready: Tell,
    stopped: Tell,
    access_log: AccessLines | None = None,
) -> None:
    """Runs a gateway until SIGTERM or SIGINT; a second one ends it at once.

    Args:
      config: with a `serving` section.
      database: the registry.
      actor: who deploys what waits in the queues.
      listening: called when the ports are open.
      ready: called when every model answers.
      stopped: called when all that came is answered and logged.
      access_log: see `Gateway`.

    Raises:
      OSError: a port cannot be had.
      ConfigError: so many connections are more files than this process may open.
      TaxiwayError: the certificate cannot be used.
    """
    make_room(config.serving.limits.connections)
    gateway = uvloop.run(_run(config, database, actor, listening, ready, access_log))
    stopped(gateway)


def make_room(connections: int) -> None:
    """Lets this process have so many connections open on each of its two ports for users.

    Raises:
      ConfigError: the system lets it have fewer.
    """
    wanted = 2 * connections + _OWN_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or wanted <= soft:
        return
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise ConfigError(
            f"serving.limits.connections is {connections:,} for each of two ports, which takes "
            f"{wanted:,} open files, and this process may have {hard:,}",
            edit="serving.limits.connections, or the limit of open files (ulimit -Hn)",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _run(
    config: Config,
    database: Database,
    actor: Actor,
    listening: Tell,
    ready: Tell,
    access_log: AccessLines | None,
) -> Gateway:
    stop = _stop_event()
    gateway = Gateway(config, database, actor, access_log)
    telling = asyncio.create_task(_tell_when_ready(gateway, ready))
    try:
        await gateway.start()
        listening(gateway)
        await stop.wait()
    finally:
        telling.cancel()
        await asyncio.wait([telling])
        await gateway.stop()
    return gateway


async def _tell_when_ready(gateway: Gateway, ready: Tell) -> None:
    await gateway.until_ready()
    ready(gateway)


def _stop_event() -> asyncio.Event:
    """Set by the first signal, which leaves the next ones to end the process."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        event.set()

    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    return event


def to_stdout(lines: bytes) -> None:
    """Writes whole lines, of whichever thread."""
    with _WRITING:
        sys.stdout.buffer.write(lines)
        sys.stdout.buffer.flush()
