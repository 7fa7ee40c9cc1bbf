"""Signing with a real key pair, and what is found where files, signature or key are not right."""

from __future__ import annotations

import base64
import json
import logging
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import ValidationError

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.registry.section import parse_registry
from taxiway.registry.signing import tool
from taxiway.registry.signing.kinds import KeySigning, NoSigning
from tests.taxiway.registry.signing.keys import PASSWORD, key_pair, needs_signing

pytestmark = needs_signing


@dataclass(frozen=True)
class Signed:
    """A model that was signed once; tests change copies of it."""

    signing: KeySigning
    folder: Path
    signature: str


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    root = tmp_path_factory.mktemp("signed")
    folder = root / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "variables.index").write_bytes(b"weights")
    (folder / ".gitignore").write_text("assets")
    signing = key_pair(root / "keys")
    return Signed(signing, folder, signing.sign(folder))


@pytest.fixture
def signing(signed: Signed) -> KeySigning:
    return signed.signing


@pytest.fixture
def model(signed: Signed, tmp_path: Path) -> Path:
    return Path(shutil.copytree(signed.folder, tmp_path / "elsewhere" / "1"))


def test_a_signature_holds_wherever_the_model_is_copied_and_needs_the_public_key_alone(
    signed: Signed, model: Path
) -> None:
    assert '"mediaType":"application/vnd.dev.sigstore.bundle' in signed.signature.replace(" ", "")
    only_public = KeySigning(kind="key", public_key=signed.signing.public_key)
    only_public.verify(model, signed.signature)


def test_files_that_are_changed_missing_or_extra_are_named(signed: Signed, model: Path) -> None:
    (model / "variables" / "variables.index").write_bytes(b"other")
    (model / ".gitignore").write_bytes(b"other")
    with pytest.raises(TaxiwayError) as told:
        signed.signing.verify(model, signed.signature)
    changed = "; changed: .gitignore, variables/variables.index"
    assert told.value.message == f"{model}: Signature mismatch{changed}"
    (model / "extra").write_text("x")
    (model / "saved_model.pb").unlink()
    with pytest.raises(TaxiwayError) as told:
        signed.signing.verify(model, signed.signature)
    assert told.value.message == (
        f"{model}: Signature mismatch: Extra files found in model '1': extra; "
        f"Missing files in model '1': saved_model.pb{changed}"
    )


def test_another_key_is_found_also_where_the_signature_claims_to_be_its_own(
    signed: Signed, model: Path, tmp_path: Path
) -> None:
    other = key_pair(tmp_path / "others")
    with pytest.raises(TaxiwayError, match="Key mismatch"):
        other.verify(model, signed.signature)
    forged = json.loads(signed.signature)
    material = json.loads(other.sign(model))["verificationMaterial"]
    forged["verificationMaterial"]["publicKey"] = material["publicKey"]
    with pytest.raises(TaxiwayError, match="not of this key"):
        other.verify(model, json.dumps(forged))


def test_a_signature_that_was_changed_is_found(signed: Signed, model: Path) -> None:
    forged = json.loads(signed.signature)
    payload = base64.b64decode(forged["dsseEnvelope"]["payload"]).replace(b"saved_model", b"other")
    forged["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    with pytest.raises(TaxiwayError, match="not of this key"):
        signed.signing.verify(model, json.dumps(forged))


@pytest.mark.parametrize("text", ["", "{}"])
def test_what_is_no_signature_is_refused(text: str, signing: KeySigning, model: Path) -> None:
    with pytest.raises(TaxiwayError) as told:
        signing.verify(model, text)
    assert told.value.message.startswith(f"{model}: ")


def test_a_private_key_of_the_environment_and_its_password_are_told_nowhere(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    files = key_pair(tmp_path / "keys", password=PASSWORD)
    monkeypatch.setenv("SIGNING_KEY", Path(files.private_key).read_text())
    monkeypatch.setenv("SIGNING_PASSWORD", PASSWORD)
    signing = KeySigning(
        kind="key",
        public_key=files.public_key,
        private_key_env="SIGNING_KEY",
        password_env="SIGNING_PASSWORD",
    )
    lines: list[list[str]] = []
    run = tool.subprocess.run

    def noted(line: list[str], **options: object) -> object:
        lines.append([*line, repr(options["env"])])
        return run(line, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(tool.subprocess, "run", noted)
    signing.sign(model)
    told = repr(signing) + caplog.text + "".join(capfd.readouterr()) + repr(lines)
    monkeypatch.setenv("SIGNING_PASSWORD", "wrong " + PASSWORD)
    with pytest.raises(TaxiwayError) as refused:
        signing.sign(model)
    told += str(refused.value)
    assert len(lines) == 3
    assert PASSWORD not in told
    assert "PRIVATE KEY" not in told


def test_a_pair_that_does_not_fit_is_found_when_it_signs(
    signing: KeySigning, model: Path, tmp_path: Path
) -> None:
    other = key_pair(tmp_path / "others")
    mixed = signing.model_copy(update={"public_key": other.public_key})
    with pytest.raises(TaxiwayError, match="Key mismatch"):
        mixed.sign(model)


def test_what_is_missing_is_told_with_the_key_of_the_config(
    signing: KeySigning, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGNING_KEY", raising=False)
    for changed, edit in (
        ({"private_key": str(tmp_path / "gone")}, "registry.signing.private_key"),
        ({"private_key": ""}, "registry.signing.private_key, or"),
        ({"private_key": "", "private_key_env": "SIGNING_KEY"}, "private_key_env"),
        ({"password_env": "SIGNING_KEY"}, "registry.signing.password_env"),
        ({"private_key": sys.executable}, "registry.signing.private_key"),
    ):
        with pytest.raises(ConfigError) as told:
            signing.model_copy(update=changed).sign(model)
        assert edit in told.value.edit


def test_a_key_of_another_kind_is_refused(model: Path, tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signing = key_pair(tmp_path / "keys", key=key)
    with pytest.raises(TaxiwayError):
        signing.sign(model)


def test_where_no_python_has_the_package_it_says_how_to_get_it(
    signing: KeySigning, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(tool, "_ENVIRONMENT", tmp_path / "gone")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="make signing"):
        signing.sign(model)


def test_a_program_that_dies_is_told_with_its_last_words(
    signing: KeySigning, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('out of luck')")
    monkeypatch.setattr(tool, "_PROGRAM", broken)
    with pytest.raises(TaxiwayError, match="ended with 1: out of luck"):
        signing.sign(model)


def test_without_signing_there_is_no_signature_and_a_signed_model_needs_a_key(model: Path) -> None:
    signing = NoSigning(kind="none")
    assert signing.sign(model) == ""
    with pytest.raises(ConfigError, match="names no public key"):
        signing.verify(model, "{}")


def test_the_section_names_kind_and_keys() -> None:
    text = '{"kind": "sqlite", "path": "x", "signing": {"kind": "key", "public_key": "k.pem"}}'
    assert isinstance(parse_registry(text).signing, KeySigning)
    assert isinstance(parse_registry('{"kind": "sqlite", "path": "x"}').signing, NoSigning)
    with pytest.raises(ValidationError, match="not both"):
        KeySigning(kind="key", public_key="a", private_key="b", private_key_env="C")
