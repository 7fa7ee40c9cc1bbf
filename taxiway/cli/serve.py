"""`taxiway serve`: the gateway, which answers users with what the registry says is to serve."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, Environment
from taxiway.cli.registry import open_registry
from taxiway.errors import ConfigError
from taxiway.terminal import one_line, shell

if TYPE_CHECKING:
    from taxiway.serving.gateway.gateway import Gateway

Host = Annotated[
    str | None, typer.Option("--host", help="Address to listen on; serving.host of the config.")
]
PortNumber = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help="Of REST; 0 for any. serving.port."),
]
GrpcPort = Annotated[
    int | None, typer.Option("--grpc-port", min=0, max=65535, help="serving.grpc_port.")
]
AdminPort = Annotated[
    int | None, typer.Option("--admin-port", min=0, max=65535, help="serving.admin_port.")
]


def serve(
    environment: Environment = None,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    host: Host = None,
    port: PortNumber = None,
    grpc_port: GrpcPort = None,
    admin_port: AdminPort = None,
    access_log: Annotated[
        bool, typer.Option("--access-log/--no-access-log", help="A line for each request.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Answer requests with the versions that the registry routes traffic to, until SIGTERM.

    It publishes and loads what waits in the deploy queue, too: no `taxiway deploy` is needed beside
    it. With --json, and where the output is no terminal, all that is told is a JSON line each, and
    so is the access log.
    """
    from taxiway.serving.gateway import process

    given = {
        "serving.host": host,
        "serving.port": port,
        "serving.grpc_port": grpc_port,
        "serving.admin_port": admin_port,
    }
    named = [f"{key}={json.dumps(value)}" for key, value in given.items() if value is not None]
    registry = open_registry(config, [*(assignments or ()), *named], environment)
    plain = as_json or not sys.stdout.isatty()
    told = _Lines() if plain else _Person()
    _log_to_stderr(plain=plain)
    try:
        process.run(
            registry.config,
            registry.database,
            registry.actor,
            listening=told.listening,
            ready=told.ready,
            stopped=told.stopped,
            access_log=process.to_stdout if access_log and plain else None,
        )
    except OSError as error:
        raise ConfigError(
            f"the gateway cannot listen: {error}",
            edit="serving.port, serving.grpc_port or serving.admin_port",
        ) from error
    finally:
        registry.database.close()


class _Lines:
    """Tells programs: an object a line."""

    def listening(self, gateway: Gateway) -> None:
        """Where it listens."""
        self._tell("listening", **addresses(gateway))

    def ready(self, gateway: Gateway) -> None:
        """Which versions answer."""
        self._tell("ready", models=versions(gateway))

    def stopped(self, gateway: Gateway) -> None:
        """How many requests are in the decision log."""
        self._tell("stopped", decisions=gateway.log.counts().written)

    def _tell(self, event: str, **told: Any) -> None:
        from taxiway.serving.gateway.process import to_stdout

        to_stdout(json.dumps({"event": event, "time": time.time(), **told}).encode() + b"\n")


class _Person:
    """Tells people, with a request that works."""

    def listening(self, gateway: Gateway) -> None:
        """Where it listens."""
        where = addresses(gateway)
        typer.echo(f"REST   {where['rest']}")
        typer.echo(f"gRPC   {where['grpc']}")
        typer.echo(f"status {where['admin']}")
        typer.echo("loading what the registry routes traffic to; Ctrl-C ends")

    def ready(self, gateway: Gateway) -> None:
        """Which versions answer, and how to ask them."""
        for name, arms in versions(gateway).items():
            for arm in arms:
                typer.echo(
                    f"ready: {name}/{arm['version']} ({arm['arm']}, {arm['weight']:.0%} of traffic)"
                )
        typer.echo("\ntry it:\n  " + curl(gateway))

    def stopped(self, gateway: Gateway) -> None:
        """How many requests are in the decision log."""
        written = gateway.log.counts().written
        typer.echo(f"stopped; {written:,} decision{'' if written == 1 else 's'} logged")


def addresses(gateway: Gateway) -> dict[str, str]:
    """Of each port; REST's and the operators' as URLs."""
    section = gateway.section
    scheme = "https" if section.tls.certificate else "http"
    assert gateway.http is not None
    assert gateway.grpc is not None
    assert gateway.admin is not None
    return {
        "rest": f"{scheme}://{_bracketed(gateway.http.host)}:{gateway.http.port}",
        "grpc": f"{_bracketed(gateway.grpc.host)}:{gateway.grpc.port}",
        "admin": f"{scheme}://{_bracketed(gateway.admin.host)}:{gateway.admin.port}",
    }


def versions(gateway: Gateway) -> dict[str, list[dict[str, Any]]]:
    """By model, the versions that have traffic."""
    return {
        model.name: [
            {"version": one.version, "number": one.number, "arm": one.arm, "weight": one.weight}
            for one in model.versions
            if one.arm
        ]
        for model in gateway.status().models
    }


def curl(gateway: Gateway) -> str:
    """A request with a row that the version was warmed up with: a real one, where there is any."""
    name = gateway.fleet.models[0]
    route = gateway.fleet.route(name)
    served = gateway.fleet.version(name, route.stable.version) if route else None
    example = {} if served is None else served.example
    row = {key: value for key, value in example.items() if value not in (None, "")}
    body = json.dumps({"instances": [row]}, ensure_ascii=False)
    url = f"{addresses(gateway)['rest']}/v1/models/{one_line(name)}:predict"
    return shell(["curl", "-s", url, "-d", body])


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told = {
            "event": "log",
            "time": record.created,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told)


def _log_to_stderr(*, plain: bool) -> None:
    """What the parts of the gateway tell, from INFO on."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        _JsonFormatter() if plain else logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    )
    logger = logging.getLogger("taxiway")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
