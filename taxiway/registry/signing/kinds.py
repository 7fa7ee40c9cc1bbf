"""How pushed models are signed: one class per `registry.signing.kind`.

A new one is a class with a `kind`, its own keys, `sign` and `verify`, and its name in `Signing`.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from taxiway.errors import ConfigError
from taxiway.registry.signing.tool import run_tool
from taxiway.section import EnvName, Frozen

_LONGEST_KEY: Final = 100_000
"""Bytes; a file that is longer is no key."""


class SigningKind(Frozen):
    """Base of all kinds."""

    @property
    @abstractmethod
    def signs(self) -> bool:
        """Whether versions are signed: one without a signature is then not as it should be."""

    @abstractmethod
    def sign(self, folder: Path) -> str:
        """The signature of a pushed model with its manifest; empty where none is made.

        Args:
          folder: of the SavedModel; every file in it is signed.

        Raises:
          ConfigError: what is needed for it is missing.
          TaxiwayError: it cannot be made.
        """

    @abstractmethod
    def verify(self, folder: Path, signature: str) -> None:
        """Holds a pushed model against its signature.

        Args:
          folder: of the SavedModel.
          signature: as `sign` gave it.

        Raises:
          ConfigError: what is needed for it is missing.
          TaxiwayError: the signature is not of these files, or not of this key; names the file.
        """


class NoSigning(SigningKind):
    """Models are not signed. The default."""

    kind: Literal["none"]

    @property
    def signs(self) -> bool:
        """No."""
        return False

    def sign(self, folder: Path) -> str:  # noqa: ARG002  # nothing is made of it
        """None."""
        return ""

    def verify(self, folder: Path, signature: str) -> None:  # noqa: ARG002  # there is no key
        """A model that was signed needs its public key."""
        raise ConfigError(
            "the model is signed, and the config names no public key to verify it with",
            edit="registry.signing: {kind: key, public_key: FILE}",
        )


class KeySigning(SigningKind):
    """An elliptic-curve key of yours, by sigstore's model-signing.

    Whoever only verifies needs the public key alone; where runs push, a private key has to be.
    """

    kind: Literal["key"]
    public_key: Annotated[str, Field(min_length=1)]
    """PEM file of the public key."""
    private_key: str = ""
    """PEM file of the private key; empty where `private_key_env` holds it, or nothing is signed."""
    private_key_env: EnvName | Literal[""] = ""
    """Environment variable that holds the private key's PEM, as a secret does."""
    password_env: EnvName | Literal[""] = ""
    """Environment variable that holds the private key's password; empty where it has none."""

    @model_validator(mode="after")
    def _has_one_private_key(self) -> KeySigning:
        if self.private_key and self.private_key_env:
            raise ValueError("give private_key or private_key_env, not both")
        return self

    @property
    def signs(self) -> bool:
        """Yes."""
        return True

    def sign(self, folder: Path) -> str:
        """Signs every file, and verifies with the public key: a pair that does not fit shows."""
        request = {"key": self._private_pem(), "password": self._password()}
        signature = run_tool("sign", folder, **request)
        self.verify(folder, signature)
        return signature

    def verify(self, folder: Path, signature: str) -> None:
        """By the public key."""
        key = _read(self.public_key, "registry.signing.public_key")
        run_tool("verify", folder, key=key, signature=signature)

    def _private_pem(self) -> str:
        if self.private_key:
            return _read(self.private_key, "registry.signing.private_key")
        if self.private_key_env:
            return _from_environment(self.private_key_env, "registry.signing.private_key_env")
        raise ConfigError(
            "pushed models are to be signed, and the config names no private key",
            edit="registry.signing.private_key, or registry.signing.private_key_env",
        )

    def _password(self) -> str:
        if not self.password_env:
            return ""
        return _from_environment(self.password_env, "registry.signing.password_env")


Signing = Annotated[NoSigning | KeySigning, Field(discriminator="kind")]
"""The `registry.signing` section: every kind."""


def _read(path: str, key: str) -> str:
    """A key's text. What is wrong with it is told without it."""
    try:
        with Path(path).open("rb") as file:
            found = file.read(_LONGEST_KEY + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", edit=key) from None
    if len(found) > _LONGEST_KEY or not found.isascii():
        raise ConfigError(f"{path} is no key: expected PEM, which begins with -----BEGIN", edit=key)
    return found.decode("ascii")


def _from_environment(name: str, key: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise ConfigError(f"the environment has no {name}", edit=key) from None
