"""The operators' port: FastAPI, since nothing here is on the hot path."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import resources
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response

from taxiway.access.http import ACTOR, HEALTH, App, authorization, require_token
from taxiway.access.refusal import Code, Refusal
from taxiway.access.tokens import BearerTokens
from taxiway.delivery.section import Delivery
from taxiway.errors import ConfigError, TaxiwayError
from taxiway.registry.auth.actor import Actor, NotAllowed, system_actor
from taxiway.registry.database.session import Database
from taxiway.section import is_loopback
from taxiway.serving.gateway.admin.actions import ACTIONS, Wanted, act
from taxiway.serving.gateway.admin.delivered.cached import Cached
from taxiway.serving.gateway.admin.delivered.documents import ExperimentDocument, RolloutDocument
from taxiway.serving.gateway.admin.delivered.experiment import experiment_document
from taxiway.serving.gateway.admin.delivered.rollout import rollout_document
from taxiway.serving.gateway.admin.guard import guarded
from taxiway.serving.gateway.admin.report import report
from taxiway.serving.gateway.metrics.exposition import CONTENT_TYPE, Exposition
from taxiway.serving.gateway.metrics.recorder import Recorder
from taxiway.serving.gateway.status import Operated

TICK_SECONDS: Final = 5.0
PAGE: Final = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/elements.js": ("elements.js", "text/javascript; charset=utf-8"),
    "/rollout.js": ("rollout.js", "text/javascript; charset=utf-8"),
    "/experiment.js": ("experiment.js", "text/javascript; charset=utf-8"),
    "/acting.js": ("acting.js", "text/javascript; charset=utf-8"),
}
"""The page's files, which anyone may have: what they show, they ask for with a token."""
STATUS: Final[dict[type[TaxiwayError], int]] = {NotAllowed: 403, ConfigError: 400}
"""Of HTTP, by kind of error; what else is wrong is the state of things, 409."""


@dataclass(frozen=True)
class Operators:
    """What the operators' port is made of.

    Args:
      gateway: that is operated.
      recorder: of its requests.
      database: the registry, in whose audit each action is.
      tokens: of the registry.
      host: address that the port is bound to; on loopback reading takes no token, and the
        operating system's user may act as long as none was ever made.
      delivery: how a rollout goes that is started here.
    """

    gateway: Operated
    recorder: Recorder
    database: Database
    tokens: BearerTokens
    host: str
    delivery: Delivery

    async def actor(self, request: Request) -> Actor:
        """Who asks.

        Raises:
          Refusal: it has no token, and needs one.
        """
        found = request.scope.get(ACTOR)
        if isinstance(found, Actor):
            return found
        header = authorization(request.scope)
        client = request.client.host if request.client else ""
        if not header and is_loopback(self.host) and is_loopback(client):
            return system_actor()
        return await self.tokens.actor(header)


def make_app(operators: Operators) -> App:
    """The application of the operators' port, with its guards."""
    app = FastAPI(
        title="Taxiway's gateway",
        openapi_url="/api/openapi.json",
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lambda _: _ticking(operators.recorder),
    )
    _add_errors(app)
    _add_health(app, operators.gateway)
    _add_reads(app, operators)
    _add_delivered(app, operators)
    _add_actions(app, operators)
    _add_page(app)
    if is_loopback(operators.host):
        return guarded(app, operators.host)
    paths = HEALTH | frozenset(PAGE)
    return guarded(require_token(app, operators.tokens, paths), operators.host)


def _add_health(app: FastAPI, gateway: Operated) -> None:
    @app.get("/livez", include_in_schema=False)
    @app.get("/healthz")
    async def live() -> dict[str, bool]:
        """It lives while this answers."""
        return {"live": True}

    @app.get("/readyz")
    async def ready() -> JSONResponse:
        """Whether every model answers."""
        answers = gateway.ready()
        return JSONResponse({"ready": answers}, status_code=200 if answers else 503)


def _add_reads(app: FastAPI, operators: Operators) -> None:
    exposition = Exposition(operators.recorder, operators.gateway)

    @app.get("/monitoring/prometheus/metrics", include_in_schema=False)  # TensorFlow Serving's
    @app.get("/metrics")
    async def metrics() -> Response:
        """For Prometheus."""
        return Response(exposition.page(), media_type=CONTENT_TYPE)

    @app.get("/api/status")
    async def status() -> dict[str, Any]:
        """What the status page shows."""
        return report(operators.gateway, operators.recorder, time.monotonic())


def _add_delivered(app: FastAPI, operators: Operators) -> None:
    """Of the registry, and so of all gateways."""
    cached = Cached()

    async def read(kind: str, model: str, document: Callable[[Database, str], Any]) -> Any:
        served = [one.name for one in operators.gateway.status().models]
        if model not in served:
            there = ", ".join(served) or "none"
            raise Refusal(Code.NOT_FOUND, f"no such model is served here (there are: {there})")
        return await cached.get(f"{kind} {model}", partial(document, operators.database, model))

    @app.get("/api/models/{model}/rollout")
    async def rollout(model: str) -> RolloutDocument:
        """The route, the open rollout or the last one, what is measured, and the last moves."""
        found: RolloutDocument = await read("rollout", model, rollout_document)
        return found

    @app.get("/api/models/{model}/experiment")
    async def experiment(model: str) -> ExperimentDocument:
        """The experiment that runs, or the last one, as gateways see it now."""
        found: ExperimentDocument = await read("experiment", model, experiment_document)
        return found


def _add_actions(app: FastAPI, operators: Operators) -> None:
    @app.post("/api/models/{model}/{action}")
    async def move(model: str, action: str, wanted: Wanted, request: Request) -> dict[str, Any]:
        """Does it, and writes it into the audit."""
        if action not in ACTIONS:
            raise Refusal(Code.NOT_FOUND, f"no such action (there are: {', '.join(ACTIONS)})")
        actor = await operators.actor(request)
        try:
            told = await asyncio.to_thread(
                act, action, operators.database, actor, model, wanted, operators.delivery
            )
        except NotAllowed as error:
            if actor.via == "system":  # had there been no token ever, it might
                raise Refusal(Code.UNAUTHENTICATED, error.message) from None
            raise
        if action == "reload":
            why = f"{actor.name} had it loaded again"
            operators.gateway.reload(model, told["version"], why)
        return told


def _add_page(app: FastAPI) -> None:
    folder = resources.files(__package__) / "page"
    for path, (name, media_type) in PAGE.items():
        content = (folder / name).read_bytes()
        response = Response(content, media_type=media_type)
        app.add_api_route(path, _always(response), methods=["GET", "HEAD"], include_in_schema=False)


def _always(response: Response) -> Any:
    async def answer() -> Response:
        return response

    return answer


def _add_errors(app: FastAPI) -> None:
    """Every error is a document with a message, as protocols write one."""

    @app.exception_handler(TaxiwayError)
    async def told(_: Request, error: TaxiwayError) -> JSONResponse:
        headers = {}
        if isinstance(error, Refusal):
            status = error.code.http
        else:
            status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 409)
        if status == Code.UNAUTHENTICATED.http:
            headers["WWW-Authenticate"] = "Bearer"
        if isinstance(error, Refusal) and error.retry_after:
            headers["Retry-After"] = str(max(1, round(error.retry_after)))
        return JSONResponse({"error": error.message}, status_code=status, headers=headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        places = [".".join(map(str, one["loc"][1:])) for one in error.errors()]
        told = [f"{place}: {one['msg']}" for place, one in zip(places, error.errors(), strict=True)]
        return JSONResponse({"error": "; ".join(told[:5])[:1_000]}, status_code=400)


@asynccontextmanager
async def _ticking(recorder: Recorder) -> AsyncIterator[None]:
    async def tick() -> None:
        while True:
            recorder.tick(time.monotonic())
            await asyncio.sleep(TICK_SECONDS)

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
