"""The `ui` section: where the page for the team listens, and how long a login holds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from taxiway.config.serving import ListenPort, Tls, check_private
from taxiway.section import Frozen


class Ui(Frozen):
    """The page for the team: `taxiway ui`."""

    host: str = "127.0.0.1"
    """Another address than loopback wants TLS, and a token of everyone who looks."""
    port: ListenPort = 8090
    """0 for any that is free."""
    tls: Tls = Tls()
    session_hours: Annotated[float, Field(gt=0, le=24 * 30)] = 12.0
    """After which a browser has to log in again. A token that is revoked ends it at once."""

    @model_validator(mode="after")
    def _is_private(self) -> Ui:
        """Tokens go encrypted, or not at all."""
        check_private("host", self.host, self.tls)
        return self
