"""Keeps other web sites out of a port that people look at with a browser.

A browser can be made to send requests here by any site that its user visits. On loopback a request
must name this machine as its host, or a site could let its own name mean 127.0.0.1; one that
changes something must come from a page of the same origin, if it comes from a page at all, be of a
media type that the port takes, and be short.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

from taxiway.access.http import App, Receive, Scope, Send, send_refusal
from taxiway.access.refusal import Code, Refusal
from taxiway.section import is_loopback
from taxiway.terminal import one_line

MOST_BODY_BYTES: Final = 64 * 2**10
READS: Final = frozenset({"GET", "HEAD"})


def guarded(
    app: App, host: str, headers: Mapping[bytes, bytes], media_types: Collection[str]
) -> App:
    """The application of a port, for requests that are what they seem.

    Args:
      app: whatever answers.
      host: address that the port is bound to.
      headers: of every answer that has not one of that name itself.
      media_types: of the bodies that it takes.
    """
    this_machine_only = is_loopback(host)

    async def within(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def send_with_headers(message: Scope) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                names = {name.lower() for name, _ in given}
                more = [(name, value) for name, value in headers.items() if name not in names]
                message["headers"] = given + more
            await send(message)

        asked = {name: value.decode("latin-1") for name, value in scope["headers"]}
        reason = _wrong(scope["method"], asked, this_machine_only, media_types)
        if reason is None:
            await app(scope, receive, send_with_headers)
        else:
            await send_refusal(send_with_headers, reason)

    return within


def _wrong(
    method: str,
    headers: Mapping[bytes, str],
    this_machine_only: bool,
    media_types: Collection[str],
) -> Refusal | None:
    """Why a request is not taken; None where it is."""
    host = headers.get(b"host", "")
    if this_machine_only and not is_loopback(_hostname(f"//{host}")):
        return Refusal(
            Code.FORBIDDEN,
            f"the request is for the host '{one_line(host[:100])}', and this port is for this "
            "machine only: ask for 127.0.0.1 or localhost",
        )
    if method in READS:
        return None
    origin = headers.get(b"origin", "")
    site = headers.get(b"sec-fetch-site", "same-origin")
    if (origin and urlsplit(origin).netloc != host) or site not in ("same-origin", "none"):
        return Refusal(
            Code.FORBIDDEN, f"the request comes from another site: '{one_line(origin[:100])}'"
        )
    if headers.get(b"content-type", "").partition(";")[0].strip().lower() not in media_types:
        expected = " or ".join(media_types)
        return Refusal(Code.INVALID, f"expected the header `Content-Type: {expected}`")
    length = headers.get(b"content-length", "")
    if not length.isdecimal() or int(length[:20]) > MOST_BODY_BYTES:
        return Refusal(
            Code.TOO_LARGE,
            f"expected the header `Content-Length` with at most {MOST_BODY_BYTES:,} bytes",
        )
    return None


def _hostname(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
