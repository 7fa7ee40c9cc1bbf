"""Hashes of columns and keys: HMAC-SHA256 under a key that never leaves the log's folder."""

from __future__ import annotations

import hashlib
import hmac
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from taxiway.errors import TaxiwayError
from taxiway.serving.decisions.layout import KEY_FILE, sync_folder
from taxiway.serving.requests.columns import plain_text

_BYTES: Final = 32
_KNOWN: Final = 65_536


class Hasher:
    """Makes hashes under the key of a log's folder; the key is made where there is none.

    Equal values have equal hashes, so that rows can be joined and found again; without the key
    nobody can try values out.

    Raises:
      TaxiwayError: the key's file is none of ours.
    """

    def __init__(self, root: Path) -> None:
        self._key = _key(root / KEY_FILE)
        self.hashed = lru_cache(_KNOWN)(self._hashed)

    def value(self, value: Any) -> Any:
        """The hash of a cell; missing stays missing, and a list has those of its values."""
        if value is None:
            return None
        if isinstance(value, (list, tuple)):
            return [self.value(one) for one in value]
        return self.hashed(plain_text(value))

    def _hashed(self, text: str) -> str:
        return hmac.new(self._key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _key(path: Path) -> bytes:
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        found = _made(path)
    if len(found) != _BYTES or path.stat().st_mode & 0o077:
        raise TaxiwayError(
            f"{path} is {len(found)} bytes with mode {path.stat().st_mode & 0o777:o}, expected "
            f"{_BYTES} bytes that only their owner may read (600)",
            edit=f"{path}: chmod 600, or bring it back; hashes under another key match no old ones",
        )
    return found


def _made(path: Path) -> bytes:
    """Of two that make it at once the first wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{os.getpid()}-{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, os.urandom(_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    sync_folder(path.parent)
    return path.read_bytes()
