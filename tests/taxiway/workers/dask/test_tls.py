"""A TLS connection that breaks, next to others that must not."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from taxiway.workers.dask.tls import contain, forget_errors
from tests.dask_cluster import LOOPBACK, make_certificates, wait_until

Pair = tuple[ssl.SSLSocket, ssl.SSLSocket]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls") / "certificates")


def connected(certificates: Path) -> Pair:
    """Both ends of a connection; the first is a server's, which does not wait."""
    own = certificates / "dask.crt", certificates / "dask.key"
    for_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for_server.load_cert_chain(*own)
    for_server.maximum_version = ssl.TLSVersion.TLSv1_2  # no ticket comes after the handshake
    for_client = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
    for_client.check_hostname = False
    ends: list[ssl.SSLSocket] = []
    with socket.create_server((LOOPBACK, 0)) as listening:
        plain = socket.create_connection(listening.getsockname())
        client = threading.Thread(target=lambda: ends.append(for_client.wrap_socket(plain)))
        client.start()
        server = for_server.wrap_socket(listening.accept()[0], server_side=True)
        client.join()
    server.setblocking(False)
    return server, ends[0]


@pytest.fixture
def good(certificates: Path) -> Iterator[ssl.SSLSocket]:
    server, client = connected(certificates)
    with server, client:
        yield server


def is_over(connection: ssl.SSLSocket) -> bool:
    try:
        return connection.recv(5) == b""
    except ssl.SSLWantReadError:
        return False
    except OSError:
        return True


def test_errors_that_are_forgotten_are_not_met_on_the_next_connection(
    certificates: Path, good: ssl.SSLSocket
) -> None:
    broken, peer = connected(certificates)
    with broken:
        peer.close()
        broken.send(b"what the peer does not wait for")
        wait_until(lambda: is_over(broken), "the end of the connection")
    forget_errors()
    assert not is_over(good)


def test_a_connection_that_is_closed_before_tls_begins_is_told_as_closed() -> None:
    """Dask then connects again; at a ValueError its client would do nothing for ever."""
    from tornado.iostream import IOStream, StreamClosedError

    async def begin() -> None:
        ours, theirs = socket.socketpair()
        stream = IOStream(ours)
        with theirs:
            stream.close()
            await stream.start_tls(False, ssl.create_default_context())

    contain()
    with pytest.raises(StreamClosedError):
        asyncio.run(begin())
