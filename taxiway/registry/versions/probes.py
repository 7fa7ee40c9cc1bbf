"""Probes of the style black_box: fixed rows, and the digest of what a model makes of them.

Rows are kept in the registry, for each model and signature, as the first push brings them, so that
later models answer about the same ones whatever their own data is. Answers count to six significant
digits: what differs beyond is the order of sums on another processor, and no other mapping.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import insert, select

from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import canonical, now, probes

DIGITS: Final = 6


def signature_digest(signature: Mapping[str, Any]) -> str:
    """sha256 of what goes in and comes out, by name and type."""
    return hashlib.sha256(canonical(signature).encode()).hexdigest()


def kept_probes(
    database: Database, model: str, signature: str, rows: Callable[[], Sequence[bytes]]
) -> list[bytes]:
    """The rows that models of a signature are asked about.

    Args:
      database: the registry.
      model: its name.
      signature: see `signature_digest`.
      rows: gives serialized tf.Examples, which are kept where none are yet.
    """
    mine = (probes.c.model == model, probes.c.signature == signature)
    query = select(probes.c.examples).where(*mine)
    with database.reading() as connection:
        kept = connection.execute(query).scalar_one_or_none()
    if kept is None:
        brought = [base64.b64encode(row).decode() for row in rows()]
        with database.working() as connection:
            kept = connection.execute(query).scalar_one_or_none()  # another may have come first
            if kept is None:
                about = {"model": model, "signature": signature, "kept_at": now()}
                connection.execute(insert(probes).values(**about, examples=brought))
                kept = brought
    return [base64.b64decode(row) for row in kept]


def mapping_digest(signature: str, answers: Mapping[str, Any]) -> str:
    """sha256 of a signature and of the answers under it.

    Args:
      signature: see `signature_digest`.
      answers: by output, nested lists of numbers or texts, one entry a probe.
    """
    rounded = {name: _rounded(values) for name, values in answers.items()}
    return hashlib.sha256(canonical([signature, rounded]).encode()).hexdigest()


def _rounded(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}" if value else "0"  # 0.0 and -0.0 are one
    return value
