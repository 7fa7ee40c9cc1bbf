"""MLflow's REST API, as far as a mirror needs it, within a number of seconds.

MLflow's own client takes more than a second to import and tries again for minutes; see
docs/decisions/0114-mlflow-over-rest.md.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from taxiway.errors import TaxiwayError
from taxiway.registry.outbox.senders import ReceiverAway
from taxiway.terminal import one_line

API: Final = "/api/2.0/mlflow"
FILES: Final = "/api/2.0/mlflow-artifacts/artifacts"
MISSING: Final = "RESOURCE_DOES_NOT_EXIST"
THERE: Final = "RESOURCE_ALREADY_EXISTS"
LONGEST_ANSWER: Final = 32 * 1024 * 1024
_SAID: Final = 300
"""Characters of what a server said that are repeated."""
_QUERIES: Final = ("GET",)
_AWAY: Final = (429, 502, 503, 504)
"""Statuses that say nothing of what was asked."""


class Refused(TaxiwayError):  # noqa: N818  # an answer, which may be what was asked for
    """A server answered, and did not do what it was asked; `code` is MLflow's word for why."""

    def __init__(self, message: str, *, edit: str = "", code: str = "") -> None:
        super().__init__(message, edit=edit)
        self.code = code


class Client:
    """One connection to an MLflow server; a context manager, which closes it.

    Args:
      uri: the server's address.
      token_env: the environment variable with the token, where the server asks for one.
      seconds: after which no answer is waited for any more, whatever was asked.
    """

    def __init__(self, uri: str, token_env: str, seconds: float) -> None:
        self._uri, self._token_env = uri, token_env
        self._token = os.environ.get(token_env, "").strip()
        self._deadline = time.monotonic() + seconds
        # A socket's own time begins anew with each byte that comes.
        self._cut = threading.Timer(seconds, self._hang_up)
        self._cut.daemon = True
        self._socket: socket.socket | None = None
        parts = urllib.parse.urlsplit(uri)
        self._prefix = parts.path.rstrip("/")
        assert parts.hostname is not None
        self._connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            self._connection = http.client.HTTPSConnection(
                parts.hostname, parts.port, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(parts.hostname, parts.port)

    def __enter__(self) -> Client:
        self._cut.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cut.cancel()
        self._connection.close()

    def call(self, method: str, path: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Asks the server something.

        Args:
          method: of HTTP.
          path: below the API, such as `runs/create`.
          values: of the query of a GET, of the body of others.

        Raises:
          Refused: the server answered that it did not do it.
          ReceiverAway: no answer came in time.
          TaxiwayError: it is none of MLflow's.
        """
        target = f"{self._prefix}{API}/{path}"
        if method in _QUERIES:
            answer = self._exchange(method, f"{target}?{urllib.parse.urlencode(values)}", None)
        else:
            answer = self._exchange(method, target, json.dumps(values).encode())
        try:
            read = json.loads(answer or b"{}")
        except ValueError:
            read = None
        if not isinstance(read, dict):
            raise TaxiwayError(f"{self._uri} does not answer as MLflow does", edit="tracking.uri")
        return read

    def upload(self, path: str, file: Path) -> None:
        """Puts a file in the place of an artifact.

        Args:
          path: of the artifact, below the server's own store.
          file: what it is to hold.

        Raises:
          Refused: the server answered that it did not do it.
          ReceiverAway: no answer came in time.
        """
        target = f"{self._prefix}{FILES}/{urllib.parse.quote(path)}"
        self._exchange("PUT", target, file.read_bytes(), "application/octet-stream")

    def _exchange(
        self, method: str, target: str, body: bytes | None, kind: str = "application/json"
    ) -> bytes:
        headers = {"Content-Type": kind} if body is not None else {}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            self._hurry()
            self._connection.request(method, target, body, headers)
            self._socket = self._connection.sock
            self._hurry()
            response = self._connection.getresponse()
            answer = response.read(LONGEST_ANSWER + 1)
            if response.length or len(answer) > LONGEST_ANSWER:
                raise http.client.IncompleteRead(b"")
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            is_late = time.monotonic() >= self._deadline
            raise ReceiverAway(
                f"no answer from MLflow at {self._uri}: "
                f"{'timed out' if is_late else _reason(error)}",
                edit="tracking.uri; `taxiway mlflow` serves the local store",
            ) from None
        if response.status in _AWAY:
            raise ReceiverAway(
                f"MLflow at {self._uri} cannot be asked now: status {response.status}",
                edit="tracking.uri",
            )
        if response.status >= 300:
            raise self._refused(response.status, target.partition("?")[0], answer)
        return answer

    def _hurry(self) -> None:
        """Leaves what is asked next no more than the time that is left."""
        left = self._left()
        self._connection.timeout = left
        if self._connection.sock is not None:
            self._connection.sock.settimeout(left)

    def _hang_up(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def _refused(self, status: int, path: str, answer: bytes) -> Refused:
        try:
            told = json.loads(answer)
            code, said = str(told["error_code"]), str(told.get("message", ""))
        except (ValueError, TypeError, KeyError):
            code, said = "", ""
        text = one_line(f"{code} {said}".strip())[:_SAID]
        edit = f"the environment variable {self._token_env} (tracking.token_env)"
        return Refused(
            f"MLflow at {self._uri} answered {path} with status {status}"
            f"{': ' if text else ''}{text}",
            edit=edit if status in (401, 403) else "tracking.uri",
            code=code,
        )


def _reason(error: Exception) -> str:
    """In words; of other errors than the system's the class, since a text may quote a header."""
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return type(error).__name__
