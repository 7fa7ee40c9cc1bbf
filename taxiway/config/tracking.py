"""The config's `tracking` section: the system that runs are mirrored to, beside the registry."""

from __future__ import annotations

import urllib.parse
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from taxiway.section import EnvName, Frozen

LOCAL: Final = "http://127.0.0.1:5000"
"""Where `taxiway mlflow` serves the local store."""


class TrackingNone(Frozen):
    """Mirror nothing: runs are on record in their folders and in the registry alone."""

    kind: Literal["none"]


class TrackingMlflow(Frozen):
    """Mirror runs, curves, artifacts, versions and aliases to an MLflow tracking server.

    A server that is away costs a run two seconds at most: what it could not be told waits in the
    outbox.
    """

    kind: Literal["mlflow"]
    uri: str = LOCAL
    """Address of the server, http(s)://host[:port][/prefix]; `taxiway mlflow` serves the local
    store, `<output.root>/mlflow.sqlite`, at the default."""
    experiment: Annotated[str, Field(max_length=250)] = ""
    """MLflow's experiment that runs go to; empty means `pipeline.name`."""
    token_env: EnvName = "MLFLOW_TRACKING_TOKEN"  # noqa: S105  # a variable's name
    """Environment variable with the bearer token, where the server asks for one."""

    @field_validator("uri")
    @classmethod
    def _of_a_server(cls, uri: str) -> str:
        try:
            parts = urllib.parse.urlsplit(uri)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and uri.isascii()
            valid = valid and (parts.port or 1) > 0
        except ValueError:
            valid = False
        if not valid:
            raise ValueError(
                "expected the http(s) address of an MLflow server; for a store in a file, "
                f"{LOCAL} and `taxiway mlflow`"
            )
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError(
                "expected an address without a user, a password, ? or #: a token is taken from "
                "the environment variable that tracking.token_env names"
            )
        return uri.rstrip("/")


Tracking = Annotated[TrackingNone | TrackingMlflow, Field(discriminator="kind")]
"""The `tracking` section: every kind of system that runs are mirrored to."""
