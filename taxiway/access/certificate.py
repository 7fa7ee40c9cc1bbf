"""The certificate of our ports, on HTTP's ports and on gRPC's, read again when its files change."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from taxiway.config.serving import Tls
from taxiway.errors import ConfigError

if TYPE_CHECKING:
    import grpc

_LOG: Final = logging.getLogger(__name__)
POLL_SECONDS: Final = 5.0
_MOST_BYTES: Final = 2**20

State = tuple[tuple[int, int, int], ...]


class Certificate:
    """What a `tls` section names.

    Args:
      tls: with both files.
      section: its key in the config.

    Raises:
      ConfigError: they cannot be read, or are no certificate and its key.
    """

    def __init__(self, tls: Tls, section: str = "serving.tls") -> None:
        self._section = section
        self._files = (Path(tls.certificate), Path(tls.key))
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        """For HTTP; connections that begin after `reload` get the new certificate."""
        self._state = self._look()
        self._load(self.context)

    def uvicorn(self) -> dict[str, Any]:
        """Arguments of `uvicorn.Config`."""
        return {"ssl_context_factory": lambda _config, _default: self.context}

    def grpc(self) -> grpc.ServerCredentials:
        """For `add_secure_port`; each connection asks whether there is another certificate."""
        import grpc

        served: list[State] = []

        def fetch() -> grpc.ServerCertificateConfiguration | None:
            if served == [self._state]:
                return None
            served[:] = [self._state]
            chain, key = (path.read_bytes() for path in self._files)
            return grpc.ssl_server_certificate_configuration([(key, chain)])

        return grpc.dynamic_ssl_server_credentials(fetch(), fetch)

    def reload(self) -> bool:
        """Reads the files again if they have changed and fit together.

        Returns:
          Whether they were; where they do not fit, what was read before stays.
        """
        try:
            state = self._look()
            if state == self._state:
                return False
            self._load(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))  # before what is used
            self._load(self.context)
        except ConfigError as error:
            _LOG.warning("the certificate was not read again: %s", error.message)
            return False
        self._state = state
        _LOG.info("the certificate was read again")
        return True

    async def watch(self) -> None:
        """Reads them again whenever they change, until it is cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await asyncio.to_thread(self.reload)

    def _look(self) -> State:
        """Tells one state of the files from another; through symlinks, as Kubernetes swaps them."""
        found = []
        for key, path in zip(("certificate", "key"), self._files, strict=True):
            try:
                stat = path.stat()
            except OSError as error:
                raise ConfigError(
                    f"{path} cannot be read: {error.strerror}", edit=f"{self._section}.{key}"
                ) from error
            if stat.st_size > _MOST_BYTES:
                raise ConfigError(
                    f"{path} has {stat.st_size:,} bytes, expected PEM",
                    edit=f"{self._section}.{key}",
                )
            found.append((stat.st_ino, stat.st_size, stat.st_mtime_ns))
        return tuple(found)

    def _load(self, context: ssl.SSLContext) -> None:
        chain, key = self._files
        try:
            context.load_cert_chain(chain, key, password=_no_passphrase)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise ConfigError(
                f"{chain} and {key} are no certificate and its key, both PEM and without a "
                f"passphrase: {error}",
                edit=f"{self._section}.certificate and {self._section}.key",
            ) from error


def _no_passphrase() -> str:
    """Else OpenSSL asks for one at the terminal."""
    raise ValueError("the key has a passphrase")
