"""Real key pairs, and whether there is a Python here that signs."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from taxiway.errors import ConfigError
from taxiway.registry.signing.kinds import KeySigning
from taxiway.registry.signing.tool import find_python

PASSWORD = "only for tests"


def _is_there() -> bool:
    try:
        find_python()
    except ConfigError:
        return False
    return True


needs_signing = pytest.mark.skipif(
    not _is_there(), reason="no Python here has model-signing (make signing)"
)


def key_pair(folder: Path, password: str = "", key: PrivateKeyTypes | None = None) -> KeySigning:
    """A new pair in two files, and the section that names them."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    folder.mkdir(parents=True)
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        protection = serialization.BestAvailableEncryption(password.encode())
    private, public = folder / "private.pem", folder / "public.pem"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    )
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return KeySigning(kind="key", public_key=str(public), private_key=str(private))
