"""Whether what is at a place is the version that was registered, and signed: before it is loaded.

Which operations it may have the worker looks at, in its sandbox: to parse what a stranger wrote is
nothing for the process that answers everyone.
"""

from __future__ import annotations

from pathlib import Path

from taxiway.registry.catalog.references import find
from taxiway.registry.database.session import Database
from taxiway.registry.deploy.source import check
from taxiway.serving.fleet.served_version import NotReady


def verify(database: Database, subject: str, place: str) -> None:
    """Holds every file against the registry's digest and, where one is asked for, the signature.

    Reads all of the model; for a thread.

    Args:
      subject: of the version, such as `flights/1.2.7`.
      place: where it would be loaded from.

    Raises:
      TaxiwayError: it is gone, or is not that version whole; or the version was never registered.
      ConfigError: a key for its signature is missing here.
    """
    with database.reading() as connection:
        version = find(connection, subject)
    signing, signature = database.settings.signing, version.candidate.signature
    if signing.signs and not signature:
        raise NotReady(f"{subject} is not signed, and registry.signing asks for it")
    check(version, place)
    if signing.signs and "://" not in place:
        signing.verify(Path(place), signature)
