"""Keeps other web sites out of the operators' port, and what the page may load to what is ours.

A browser can be made to send requests here by any site that its user visits. Four things stand
against it, and none of them is a cookie, since there is none: on loopback a request must name this
machine as its host, or a site could let its own name mean 127.0.0.1; one that changes something
must say that it is JSON, which no form can and no script of another origin may without asking
first; it must come from a page of the same origin, if it comes from a page at all; and it is short.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from taxiway.access.http import App, Receive, Scope, Send, send_refusal
from taxiway.access.refusal import Code, Refusal
from taxiway.section import is_loopback
from taxiway.terminal import one_line

MOST_BODY_BYTES: Final = 64 * 2**10
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
READS: Final = frozenset({"GET", "HEAD"})


def guarded(app: App, host: str) -> App:
    """The application of the operators' port, for requests that are what they seem.

    Args:
      app: whatever answers.
      host: address that the port is bound to.
    """
    this_machine_only = is_loopback(host)

    async def within(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def send_with_headers(message: Scope) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        reason = _wrong(scope["method"], headers, this_machine_only)
        if reason is None:
            await app(scope, receive, send_with_headers)
        else:
            await send_refusal(send_with_headers, reason)

    return within


def _wrong(method: str, headers: dict[bytes, str], this_machine_only: bool) -> Refusal | None:
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
    if headers.get(b"content-type", "").partition(";")[0].strip().lower() != "application/json":
        return Refusal(Code.INVALID, "expected the header `Content-Type: application/json`")
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
