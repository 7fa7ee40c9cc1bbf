"""A request as its protocol is given it, and the reply that it gives back."""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from taxiway.access.refusal import Code, Refusal
from taxiway.serving.gateway.http.paths import NO_PATH, Path
from taxiway.serving.gateway.http.protocols import ofrep
from taxiway.serving.gateway.http.protocols.json_text import write
from taxiway.serving.requests.ask import Answer, Ask

JSON: Final = b"application/json"

REQUEST_ID: Final = b"x-request-id"
TRACEPARENT: Final = b"traceparent"
TARGETING_KEY: Final = b"x-targeting-key"
"""Who asks, as OFREP calls it: see `Ask.key`."""
TIMEOUT: Final = b"x-request-timeout-ms"
"""How long the client waits: the request's deadline, up to `serving.limits.seconds`."""

_REQUEST_ID: Final = re.compile(rb"[\x21-\x7e]{1,128}")
_TRACEPARENT: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_LONGEST_KEY: Final = 256
_ids: Final = itertools.count(1)
_ID_PREFIX: Final = f"{secrets.token_hex(8)}-"
"""Of this process: its ids are nobody else's."""


@dataclass
class Request:
    """A request whose body is whole.

    Args:
      headers: by name in small letters; of several the last.
      request_id: the client's, where it is fit to be logged and sent on, or one of our own.
      traceparent: W3C trace context; empty for none, or one that is not of its form.
      path: what it is for; this and what follows once it is known.
      body: whole.
      ask: what it asks of a model.
      answer: what the model said.
    """

    headers: Mapping[bytes, bytes]
    request_id: str
    traceparent: str
    path: Path = NO_PATH
    body: bytes = b""
    ask: Ask | None = None
    answer: Answer | None = None

    def key(self) -> str:
        """Who asks, where a header says so.

        Raises:
          Refusal: INVALID, it is too long.
        """
        key = self.headers.get(TARGETING_KEY, b"")
        if len(key) > _LONGEST_KEY:
            raise Refusal(
                Code.INVALID, f"X-Targeting-Key has {len(key)} bytes; expected at most 256"
            )
        return key.decode(errors="replace")

    def deadline(self, most_seconds: float, asked_seconds: float = 0.0) -> float:
        """`time.monotonic()` after which no one waits for the answer.

        Args:
          most_seconds: of any request.
          asked_seconds: that the body asks for; 0 for none.

        Raises:
          Refusal: INVALID, the header is no number of milliseconds.
        """
        text = self.headers.get(TIMEOUT)
        if text is not None:
            if not (text.isdigit() and 0 < len(text) < 10 and int(text) > 0):
                raise Refusal(
                    Code.INVALID, "X-Request-Timeout-Ms: expected a whole number of milliseconds"
                )
            asked_seconds = int(text) / 1000
        return time.monotonic() + min(asked_seconds or most_seconds, most_seconds)


@dataclass
class Reply:
    """What is sent back."""

    body: bytes
    status: int = 200
    content_type: bytes = JSON
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


def request_id_of(headers: Mapping[bytes, bytes]) -> str:
    """The client's id where it is 1 to 128 visible ASCII characters; else one that is new."""
    given = headers.get(REQUEST_ID)
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode()
    return f"{_ID_PREFIX}{next(_ids):x}"


def traceparent_of(headers: Mapping[bytes, bytes]) -> str:
    """The W3C trace context of a request; empty where there is none, or it is not of its form."""
    given = headers.get(TRACEPARENT)
    return given.decode() if given is not None and _TRACEPARENT.fullmatch(given) else ""


def refused(refusal: Refusal, *, is_flag: bool = False, model: str = "") -> Reply:
    """The error document of a protocol."""
    document = ofrep.error(model, refusal) if is_flag else {"error": refusal.message}
    headers = []
    if refusal.retry_after > 0:
        headers.append((b"retry-after", b"%d" % max(1, round(refusal.retry_after))))
    return Reply(write(document), refusal.code.http, headers=headers)
