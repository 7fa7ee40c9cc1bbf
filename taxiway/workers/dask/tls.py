"""Keeps a TLS connection that breaks from breaking all others of its thread.

Dask preloads this in scheduler, nannies and workers (deploy/dask/dask.yaml); runs call `contain`.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

_ANY: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def forget_errors() -> None:
    """Empties OpenSSL's queue of errors of this thread.

    Python has no function for that, but does it wherever it refuses a list of ciphers.
    """
    with suppress(ssl.SSLError):
        _ANY.set_ciphers("no such cipher")


def contain() -> None:
    """Has tornado, by which Dask's processes talk, forget errors with the connection they are of.

    A peer that goes away in the middle leaves an error in OpenSSL's queue (from 3.4 on), and Python
    does not empty it before it reads from the next connection, which then seems to be broken too:
    `BrokenPipeError`, for one after the other, until all workers and runs are lost. See
    https://github.com/python/cpython/issues/148594.

    A connection that is closed before TLS begins, as by a scheduler that ends, is reported as
    closed: tornado raises a ValueError, after which Dask's client neither connects again nor gives
    up.

    To call this again changes nothing.
    """
    from tornado.iostream import IOStream, SSLIOStream

    for name in ("read_from_fd", "write_to_fd", "_do_ssl_handshake"):
        method = getattr(SSLIOStream, name)
        if not hasattr(method, "__wrapped__"):
            setattr(SSLIOStream, name, _forgetting(method, always=name == "_do_ssl_handshake"))
    if not hasattr(IOStream.start_tls, "__wrapped__"):
        IOStream.start_tls = _telling_closed(IOStream.start_tls)  # type: ignore[method-assign]  # wraps what tornado has there


def _forgetting(method: Callable[..., Any], always: bool) -> Callable[..., Any]:
    """A handshake may be done and leave an error: of a ticket that the peer did not wait for."""

    @functools.wraps(method)
    def contained(*arguments: Any) -> Any:
        try:
            result = method(*arguments)
        except OSError:
            forget_errors()
            raise
        if always:
            forget_errors()
        return result

    return contained


def _telling_closed(method: Callable[..., Any]) -> Callable[..., Any]:
    from tornado.iostream import StreamClosedError

    @functools.wraps(method)
    def start_tls(stream: Any, *arguments: Any, **named: Any) -> Any:
        if stream.closed():
            raise StreamClosedError(stream.error)
        return method(stream, *arguments, **named)

    return start_tls


def dask_setup(_server: object) -> None:
    """Called by Dask in each of its processes."""
    contain()
