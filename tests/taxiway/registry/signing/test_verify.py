"""Verifying a version: files, manifest, record, signature and audit, and what says which is off."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import update

from taxiway.errors import ConfigError
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import model_versions
from taxiway.registry.deploy.source import places
from taxiway.registry.signing.kinds import NoSigning, Signing
from taxiway.registry.signing.verify import VersionReport, verify_version
from taxiway.registry.versions.records import ModelVersion, read_version
from tests.taxiway.registry.deploy.folders import registered, saved_model
from tests.taxiway.registry.signing.keys import key_pair, needs_signing

NONE = NoSigning(kind="none")


@pytest.fixture
def version(file_database: Database, tmp_path: Path) -> ModelVersion:
    """Pushed to one folder, with TFX's own copy in another."""
    saved_model(tmp_path / "tfx" / "7", "one")
    return registered(file_database, "one", tmp_path / "store" / "1", tmp_path / "tfx" / "7")


def changed(database: Database, version: ModelVersion, **columns: str) -> ModelVersion:
    """The version after somebody has written into its row."""
    with database.working() as connection:
        row = model_versions.c.id == version.id
        connection.execute(update(model_versions).where(row).values(columns))
        return read_version(connection, version.id)


def verify(database: Database, version: ModelVersion, signing: Signing = NONE) -> VersionReport:
    with database.reading() as connection:
        return verify_version(connection, version, places(connection, version), signing)


def states(report: VersionReport) -> list[str]:
    return [one.state for one in report.places]


def test_what_nobody_touched_is_whole_in_every_place(
    file_database: Database, version: ModelVersion
) -> None:
    report = verify(file_database, version)
    assert (states(report), report.faults) == (["whole", "whole"], ())


def test_a_copy_that_clean_up_removed_is_no_fault_and_all_of_them_are(
    file_database: Database, version: ModelVersion, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "store")
    report = verify(file_database, version)
    assert (states(report), report.faults) == (["gone", "whole"], ())
    shutil.rmtree(tmp_path / "tfx")
    report = verify(file_database, version)
    assert report.faults == ("parcels/1.0.0 is nowhere any more",)


def test_a_file_that_was_tampered_with_is_named_with_its_place(
    file_database: Database, version: ModelVersion, tmp_path: Path
) -> None:
    (tmp_path / "tfx" / "7" / "variables" / "variables.index").write_text("other")
    report = verify(file_database, version)
    assert states(report) == ["whole", "faulty"]
    (fault,) = report.faults
    assert fault.startswith(f"{tmp_path}/tfx/7: 'variables/variables.index' has changed")


def test_another_model_with_a_manifest_of_its_own_is_found(
    file_database: Database, version: ModelVersion, tmp_path: Path
) -> None:
    saved_model(tmp_path / "store" / "1", "another")
    report = verify(file_database, version)
    assert report.faults == (
        f"{tmp_path}/store/1 is another model than parcels/1.0.0, by its manifest",
    )


def test_a_record_that_was_changed_to_fit_another_model_is_found_by_the_audit(
    file_database: Database, version: ModelVersion, tmp_path: Path
) -> None:
    for place in ("store/1", "tfx/7"):
        digest = saved_model(tmp_path / place, "another")
    report = verify(file_database, changed(file_database, version, model_digest=digest))
    assert states(report) == ["whole", "whole"]
    (fault,) = report.faults
    assert "the record of parcels/1.0.0 was changed" in fault
    assert f"the audit has {version.candidate.model_digest}" in fault


@needs_signing
def test_a_signed_version_is_held_against_its_signature(
    file_database: Database, version: ModelVersion, tmp_path: Path
) -> None:
    signing = key_pair(tmp_path / "keys")
    unsigned = verify(file_database, version, signing)
    assert unsigned.faults == ("parcels/1.0.0 has no signature, and registry.signing asks for one",)
    signature = signing.sign(tmp_path / "store" / "1")
    version = changed(file_database, version, signature=signature)
    report = verify(file_database, version, signing)
    assert (states(report), report.faults) == (["signed", "signed"], ())
    other = key_pair(tmp_path / "others")
    report = verify(file_database, version, other)
    assert states(report) == ["faulty", "faulty"]
    assert all("Key mismatch" in fault for fault in report.faults)
    with pytest.raises(ConfigError, match="names no public key"):
        verify(file_database, version)
