"""Keeps other web sites out of the operators' port, and what the page may load to what is ours.

There is no cookie. What changes something must say that it is JSON, which no form can and no script
of another origin may without asking first; see access/same_origin.py for the rest.
"""

from __future__ import annotations

from typing import Final

from taxiway.access import same_origin
from taxiway.access.http import App

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}


def guarded(app: App, host: str) -> App:
    """The application of the operators' port, for requests that are what they seem.

    Args:
      app: whatever answers.
      host: address that the port is bound to.
    """
    return same_origin.guarded(app, host, HEADERS, ("application/json",))
