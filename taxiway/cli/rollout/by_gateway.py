"""Has a gateway move traffic, by its admin port: nothing heavy is imported here.

The config and the registry's libraries take most of a second to load, and a gateway has them.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from taxiway.cli.rollout.outcome import Behind, Outcome
from taxiway.errors import ConfigError, TaxiwayError
from taxiway.registry.auth.token_env import TOKEN_ENV, token_text
from taxiway.section import is_loopback
from taxiway.terminal import one_line

_SECONDS: Final = 30.0
"""How long an answer may take."""
_MOST_BYTES: Final = 4 * 2**20
_LOOK_SECONDS: Final = 0.05
_EDIT: Final = "--gateway, such as http://127.0.0.1:8502: see serving.admin_host and admin_port"


def move_by_gateway(
    url: str, action: str, model: str, wanted: Mapping[str, Any], wait: float
) -> Outcome:
    """Asks for a move, and waits until that gateway goes by it.

    Args:
      url: of its admin port.
      action: promote, undo or weights.
      model: name; empty for the only one that the gateway serves.
      wanted: the action's body.
      wait: seconds, at most.

    Raises:
      ConfigError: the address is none, or the gateway does not understand the move.
      TaxiwayError: it cannot be reached, or refuses.
    """
    gateway = _AdminPort(url)
    name = model or gateway.only_model()
    path = f"/api/models/{quote(name, safe='')}/{action}"
    move = gateway.ask("POST", path, wanted)
    ends = time.monotonic() + wait
    while gateway.revision(name) < move["revision"]:
        if time.monotonic() >= ends:
            return Outcome(move, [], [Behind(gateway.name, "")])
        time.sleep(_LOOK_SECONDS)
    return Outcome(move, [gateway.name], [])


class _AdminPort:
    """The admin port of a gateway.

    Args:
      url: http:// or https://, a host and a port.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = None
        if parts.scheme not in ("http", "https") or not parts.hostname or port is None:
            raise ConfigError(f"received the gateway '{url[:100]}', expected its URL", edit=_EDIT)
        self.name = f"{parts.hostname}:{port}"
        self._host, self._port, self._is_tls = parts.hostname, port, parts.scheme == "https"
        self._headers = {"Content-Type": "application/json"}
        token = token_text()
        if token and not self._is_tls and not is_loopback(parts.hostname):
            raise ConfigError(
                f"{self.name} is another machine, and {TOKEN_ENV} would go there unencrypted",
                edit="--gateway https://...",
            )
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One request and its answer.

        Raises:
          ConfigError: the gateway does not understand it.
          TaxiwayError: it cannot be reached, or refuses.
        """
        kind = http.client.HTTPSConnection if self._is_tls else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=_SECONDS)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, self._headers)
            answer = connection.getresponse()
            told = json.loads(answer.read(_MOST_BYTES))
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise TaxiwayError(
                f"the gateway {self.name} does not answer: {why}", edit=_EDIT
            ) from error
        finally:
            connection.close()
        if not isinstance(told, dict):
            raise TaxiwayError(f"what answers at {self.name} is no gateway", edit=_EDIT)
        if answer.status == http.client.OK:
            return told
        message = one_line(str(told.get("error", f"it answers {answer.status}"))[:2_000])
        if answer.status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN):
            raise TaxiwayError(
                message, edit=f"{TOKEN_ENV}, with a token of `taxiway auth token create`"
            )
        if answer.status in (http.client.BAD_REQUEST, http.client.NOT_FOUND):
            raise ConfigError(message)
        raise TaxiwayError(message)

    def only_model(self) -> str:
        """The model that it serves.

        Raises:
          ConfigError: it serves several.
        """
        names = [str(one["name"]) for one in self.ask("GET", "/api/status")["models"]]
        if len(names) != 1:
            raise ConfigError(
                f"the gateway {self.name} serves several models: {one_line(', '.join(names[:20]))}",
                edit="--model, or MODEL/VERSION",
            )
        return names[0]

    def revision(self, model: str) -> int:
        """Of the route that its requests for a model go by; 0 before the first."""
        found = self.ask("GET", "/api/status")["models"]
        return next((int(one["revision"]) for one in found if one["name"] == model), 0)
