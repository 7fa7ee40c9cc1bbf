"""Registrar signs what was pushed, where the config has a key: the first copy that is here."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.registrar.logic import signed
from taxiway.errors import TaxiwayError
from taxiway.registry.signing.kinds import NoSigning
from tests.taxiway.registry.deploy.folders import saved_model
from tests.taxiway.registry.signing.keys import key_pair, needs_signing


def test_without_a_key_nothing_is_signed(tmp_path: Path) -> None:
    assert signed(NoSigning(kind="none"), str(tmp_path)) == ""


@needs_signing
def test_the_first_folder_that_is_here_is_signed(tmp_path: Path) -> None:
    signing = key_pair(tmp_path / "keys")
    saved_model(tmp_path / "model", "one")
    signature = signed(signing, "gs://bucket/1", str(tmp_path / "model"))
    signing.verify(tmp_path / "model", signature)


def test_a_model_that_is_nowhere_on_this_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaxiwayError, match="no folder of this machine holds it") as told:
        signed(key_pair(tmp_path / "keys"), "gs://bucket/1")
    assert "registry.signing" in told.value.edit
