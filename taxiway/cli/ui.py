"""`taxiway ui`: runs, models, lineage and the audit in a browser, and approvals by hand."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, Environment
from taxiway.cli.registry import open_registry
from taxiway.errors import ConfigError
from taxiway.process.extras import needs


def ui(
    environment: Environment = None,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on; ui.host of the config.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="0 for any; ui.port.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show runs, models, lineage and the audit in a browser, until SIGTERM or Ctrl-C.

    On this machine it asks for no token. Bound elsewhere it wants TLS, and a token of everyone.
    """
    try:
        with needs("serving", "fastapi", "`taxiway ui`"), needs("serving", "uvicorn", "it"):
            from taxiway.ui.server import run
    except ModuleNotFoundError as error:
        raise ConfigError(f"there is no page here: {error}", edit="taxiway/ui") from None

    given = {"ui.host": host, "ui.port": port}
    named = [f"{key}={json.dumps(value)}" for key, value in given.items() if value is not None]
    registry = open_registry(config, [*(assignments or ()), *named], environment)

    def listening(address: str) -> None:
        if as_json:
            typer.echo(json.dumps({"event": "listening", "url": address}))
        else:
            typer.echo(f"{address}  (Ctrl-C ends)")

    try:
        run(registry.config, registry.database, listening=listening)
    except OSError as error:
        section = registry.config.ui
        raise ConfigError(
            f"the page cannot listen on {section.host}, port {section.port}: {error.strerror}",
            edit="ui.host or ui.port",
        ) from error
    finally:
        registry.database.close()
