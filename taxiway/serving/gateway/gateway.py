"""A gateway with all its parts, from the database to its ports. Only wiring.

registry -> fleet -> service -> REST, gRPC      what users ask
   |          |         +-> decision log
   +-> delivering <-----+                       what it measures, and what moves traffic by that
              +-> operators' port               what moves traffic and tells how it is
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from taxiway.access.certificate import Certificate
from taxiway.access.grpc import RequireToken
from taxiway.access.refusal import Code, Refusal
from taxiway.access.tokens import BearerTokens
from taxiway.delivery.section import ColumnKey
from taxiway.modeling.names import COLUMNS
from taxiway.section import is_loopback
from taxiway.serving.decisions.log import DecisionLog
from taxiway.serving.delivering.control.hand_over import RolloutOfQueued
from taxiway.serving.delivering.control.policies import LearntPolicies
from taxiway.serving.delivering.delivering import Delivering
from taxiway.serving.fleet.backends import Load, load
from taxiway.serving.fleet.fleet import Fleet
from taxiway.serving.gateway import reporting
from taxiway.serving.gateway.admin.app import Operators, make_app
from taxiway.serving.gateway.admin.server import AdminServer
from taxiway.serving.gateway.answering.serving_service import ServingService
from taxiway.serving.gateway.grpc.server import GrpcServer, serve_grpc
from taxiway.serving.gateway.http.server import HttpServer, bound_socket, serve_http
from taxiway.serving.gateway.metrics.recorder import Recorder
from taxiway.serving.gateway.status import Status
from taxiway.serving.routing.router import Router
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.config.schema import Config
    from taxiway.registry.auth.actor import Actor
    from taxiway.registry.database.session import Database

AccessLines = Callable[[bytes], object]
_GRACE_SECONDS: Final = 1.0
"""Beyond the longest deadline, for answers to be sent."""
_DESCRIBE_SECONDS: Final = 60.0
"""Between two times that the log is told of columns, where nothing has changed."""


class Gateway:
    """One gateway. For one event loop; `stop` it, also where `start` has failed.

    Args:
      config: with a `serving` section.
      database: the registry; someone else's to close.
      actor: who deploys what waits in the queues.
      access_log: is given lines of JSON, in a thread; None for no access log.
      load: by which a version is loaded; tests bring their own.
    """

    def __init__(
        self,
        config: Config,
        database: Database,
        actor: Actor,
        access_log: AccessLines | None = None,
        load: Load = load,
    ) -> None:
        self.section = config.serving
        self.fleet = Fleet(config, database, actor, load, RolloutOfQueued(config.delivery))
        self.recorder = Recorder(self.fleet.models)
        key = config.delivery.key
        key_column = key.name if isinstance(key, ColumnKey) else ""
        self.log = DecisionLog(self.section.log, key_column=key_column)
        policies = LearntPolicies()
        self.delivering = Delivering(config, database, actor, self.fleet, self.log, policies)
        self.service = ServingService(
            self.fleet,
            self.section,
            self.log,
            self.recorder.batch,
            Router(key, self.section.log.key, policies),
            self.delivering.evidence,
        )
        self.http: HttpServer | None = None
        self.grpc: GrpcServer | None = None
        self.admin: AdminServer | None = None
        self._database = database
        self._delivery = config.delivery
        self._access_log = access_log
        self._tokens = BearerTokens(database)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Opens the ports, and has the fleet begin to load; `ready` says when all models answer.

        Raises:
          OSError: a port cannot be had.
          TaxiwayError: the certificate cannot be used.
        """
        section = self.section
        certificate = Certificate(section.tls) if section.tls.certificate else None
        tokens = None if is_loopback(section.host) else self._tokens
        self.http = await serve_http(
            self.service,
            section,
            observer=self.recorder,
            access_log=self._access_log,
            tokens=tokens,
            certificate=certificate,
            rewards=self.delivering.rewards,
        )
        self.grpc = await serve_grpc(
            self.service,
            section,
            observer=self.recorder,
            access_log=self._access_log,
            credentials=None if certificate is None else certificate.grpc(),
            interceptors=[] if tokens is None else [RequireToken(tokens)],
        )
        operators = Operators(
            self,
            self.recorder,
            self._database,
            self._tokens,
            section.admin_host,
            self._delivery,
        )
        listener = bound_socket(section.admin_host, section.admin_port)
        self.admin = AdminServer(make_app(operators), listener, certificate)
        await self.admin.start()
        await self.fleet.start()
        self.delivering.start()
        self._tasks.append(asyncio.create_task(self._describe()))
        if certificate is not None:
            self._tasks.append(asyncio.create_task(certificate.watch()))

    async def stop(self) -> None:
        """Takes no more requests, answers those it has, writes the log, and ends the workers."""
        grace = self.section.limits.seconds + _GRACE_SECONDS
        servers = [one.stop(grace) for one in (self.http, self.grpc) if one is not None]
        await asyncio.gather(*servers)
        await self.service.close()
        await self.delivering.close()
        await asyncio.to_thread(self.log.close)
        if self.admin is not None:
            await self.admin.stop()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self.fleet.close()
        self._tokens.close()

    async def until_ready(self) -> None:
        """Waits until every model has a version that answers."""
        while not self.ready():
            await self.fleet.changed()

    def ready(self) -> bool:
        """Whether every model answers; see `Operated`."""
        return self.fleet.ready()

    def status(self) -> Status:
        """How it is now; see `Operated`."""
        return reporting.status(self.fleet, self.service, self.log, self.delivering)

    def reload(self, model: str, version: str, why: str) -> None:
        """Has a worker replaced; see `Operated`."""
        served = self.fleet.version(model, version)
        if served is None or served.loaded is None:
            raise Refusal(Code.NOT_FOUND, f"{model}/{one_line(version)} is not loaded here")
        self.fleet.report_failing(model, version, why)

    async def _describe(self) -> None:
        """Tells the log which columns the models take, whenever that may have changed."""
        while True:
            for name in self.fleet.models:
                route = self.fleet.route(name)
                served = self.fleet.version(name, route.stable.version) if route else None
                if served is not None and COLUMNS in served.signatures:
                    self.log.describe(name, served.signatures[COLUMNS])
            await self.fleet.changed_within(_DESCRIBE_SECONDS)
