"""Whether a version is what was registered and signed, in every place that still has it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, select

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.registry.database.tables import audit
from taxiway.registry.deploy.source import check
from taxiway.registry.signing.kinds import Signing
from taxiway.registry.versions.records import ModelVersion

State = Literal["whole", "signed", "gone", "faulty"]


@dataclass(frozen=True)
class PlaceReport:
    """What was found in a place.

    Args:
      place: a folder, or an address.
      state: every file is as the manifest says, and the manifest as the registry (`whole`); the
        signature is of these files too (`signed`); nothing is there (`gone`); or neither.
      fault: what is wrong, with the file; empty where nothing is.
    """

    place: str
    state: State
    fault: str = ""


@dataclass(frozen=True)
class VersionReport:
    """What was found of a version.

    Args:
      version: as `flights/1.2.7`.
      places: each with what it holds.
      faults: of the record, and of the places; empty where all is well.
    """

    version: str
    places: tuple[PlaceReport, ...]
    faults: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {"is_whole": not self.faults, **asdict(self)}


def verify_version(
    connection: Connection, version: ModelVersion, places: Sequence[str], signing: Signing
) -> VersionReport:
    """Holds a version's files against its record, and both against signature and audit.

    Args:
      connection: the registry.
      version: what is verified.
      places: where it may be; see `deploy.source.places`.
      signing: by what it was signed.

    Raises:
      ConfigError: it is signed, and what is needed to verify that is missing.
    """
    found = tuple(_look(version, place, signing) for place in places)
    faults = [*_faults_of_record(connection, version, signing)]
    faults += [one.fault for one in found if one.state == "faulty"]
    if all(one.state == "gone" for one in found):
        faults.append(f"{version.subject} is nowhere any more")
    return VersionReport(version.subject, found, tuple(faults))


def _look(version: ModelVersion, place: str, signing: Signing) -> PlaceReport:
    is_local = "://" not in place
    if is_local and not Path(place).exists():
        return PlaceReport(place, "gone")
    try:
        check(version, place)
    except (TaxiwayError, OSError) as error:
        told = error.message if isinstance(error, TaxiwayError) else f"{place}: {error}"
        return PlaceReport(place, "faulty", told)
    if not version.candidate.signature or not is_local:
        return PlaceReport(place, "whole")
    try:
        signing.verify(Path(place), version.candidate.signature)
    except ConfigError:
        raise
    except TaxiwayError as error:
        return PlaceReport(place, "faulty", error.message)
    return PlaceReport(place, "signed")


def _faults_of_record(connection: Connection, version: ModelVersion, signing: Signing) -> list[str]:
    """What of the record is not as it was written, or should be."""
    faults = []
    recorded = _audited_digest(connection, version)
    if recorded and recorded != version.candidate.model_digest:
        faults.append(
            f"the record of {version.subject} was changed: its model_digest is "
            f"{version.candidate.model_digest}, and the audit has {recorded}"
        )
    if signing.signs and not version.candidate.signature:
        faults.append(f"{version.subject} has no signature, and registry.signing asks for one")
    return faults


def _audited_digest(connection: Connection, version: ModelVersion) -> str:
    """The digest that was audited last with a push of the version; empty where none was."""
    pushes = audit.c.action.in_(("version.registered", "version.pushed_again"))
    query = select(audit.c.after).where(audit.c.subject == version.subject, pushes)
    for text in connection.execute(query.order_by(audit.c.sequence.desc())).scalars():
        try:
            digest = json.loads(text).get("model_digest")
        except (ValueError, AttributeError):  # tampered with: `taxiway audit verify` says so
            continue
        if digest:
            return str(digest)
    return ""
