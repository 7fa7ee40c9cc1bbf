"""Real ports for tests: an ASGI application behind uvicorn, and certificates."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from taxiway.config.serving import Tls


@asynccontextmanager
async def served(app: Any, **settings: Any) -> AsyncIterator[int]:
    """The port of 127.0.0.1 at which an application answers until the block ends."""
    config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1, **settings)
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            assert not task.done(), task.result()
            await asyncio.sleep(0.005)
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await task


def certified(folder: Path, name: str = "first") -> Tls:
    """A certificate for 127.0.0.1 that is its own authority, and its key; written over others."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    tls = Tls(certificate=str(folder / "tls.crt"), key=str(folder / "tls.key"))
    pem, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    Path(tls.key).write_bytes(key.private_bytes(pem, plain, serialization.NoEncryption()))
    Path(tls.certificate).write_bytes(made.public_bytes(pem))
    return tls


def trusting(tls: Tls) -> ssl.SSLContext:
    """A client that trusts the certificate, and no other."""
    return ssl.create_default_context(cafile=tls.certificate)
