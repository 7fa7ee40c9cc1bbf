"""A manifest names every file of a model, and finds what has changed since."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from components.model_manifest.component import SCRIPT
from taxiway.errors import TaxiwayError
from taxiway.process.manifest import MANIFEST_FILE, digest, verify

FILES = {
    "saved_model.pb": b"graph",
    "variables/variables.index": b"",
    "variables/variables.data-00000-of-00001": b"\x00\xff" * 1000,
    "assets/a name with spaces": b"x",
    "assets/back\\slash": b"y",
    "assets/-dash": b"z",
    "Z": b"upper case sorts before lower in the C locale",
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / "model" / "Format-Serving" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "model"


def make(model: Path, out: Path, shell: tuple[str, ...] = ("sh",)) -> Path:
    """Runs the component's own script."""
    subprocess.run(
        [*shell, "-c", SCRIPT, "model_manifest", str(model), str(out)],
        check=True,
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
    )
    return out / MANIFEST_FILE


@pytest.fixture
def manifest(model: Path, tmp_path: Path) -> Path:
    return make(model, tmp_path / "out")


def test_each_file_has_a_line_with_its_sha256_in_byte_order(manifest: Path) -> None:
    expected = [f"{hashlib.sha256(FILES[name]).hexdigest()}  {name}" for name in sorted(FILES)]
    assert manifest.read_text().splitlines() == expected


def test_nothing_but_the_manifest_is_left_behind(manifest: Path) -> None:
    assert [path.name for path in manifest.parent.iterdir()] == [MANIFEST_FILE]


def test_the_manifest_can_be_checked_with_sha256sum_itself(tmp_path: Path) -> None:
    serving = tmp_path / "model" / "Format-Serving"
    serving.mkdir(parents=True)
    (serving / "saved model.pb").write_text("graph")
    manifest = make(serving.parent, tmp_path / "out")
    subprocess.run(["sha256sum", "--check", str(manifest)], cwd=serving, check=True)


def test_busybox_makes_the_same_manifest(model: Path, manifest: Path, tmp_path: Path) -> None:
    if shutil.which("busybox") is None:
        pytest.skip("busybox is not installed")
    other = make(model, tmp_path / "busybox", ("busybox", "sh"))
    assert other.read_text() == manifest.read_text()


def test_a_second_run_replaces_the_manifest(model: Path, manifest: Path, tmp_path: Path) -> None:
    (model / "Format-Serving" / "saved_model.pb").write_bytes(b"another")
    before = manifest.read_text()
    assert make(model, tmp_path / "out").read_text() != before


def test_an_unchanged_model_is_verified(model: Path, manifest: Path) -> None:
    verify(model / "Format-Serving", manifest)


def test_a_changed_file_is_named(model: Path, manifest: Path) -> None:
    (model / "Format-Serving" / "saved_model.pb").write_bytes(b"Graph")
    with pytest.raises(TaxiwayError, match=r"'saved_model\.pb' has changed"):
        verify(model / "Format-Serving", manifest)


def test_a_missing_file_is_named(model: Path, manifest: Path) -> None:
    (model / "Format-Serving" / "variables" / "variables.index").unlink()
    with pytest.raises(TaxiwayError, match=r"'variables/variables\.index' is missing"):
        verify(model / "Format-Serving", manifest)


def test_an_extra_file_is_named(model: Path, manifest: Path) -> None:
    (model / "Format-Serving" / "assets" / "extra").write_text("")
    with pytest.raises(TaxiwayError, match="'assets/extra' is not in the manifest"):
        verify(model / "Format-Serving", manifest)


def test_a_link_is_no_file_even_to_the_same_bytes(
    model: Path, manifest: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (model / "Format-Serving" / "Z").rename(elsewhere)
    (model / "Format-Serving" / "Z").symlink_to(elsewhere)
    with pytest.raises(TaxiwayError, match="'Z' is not a plain file"):
        verify(model / "Format-Serving", manifest)


@pytest.mark.parametrize("text", ["", "no manifest", "abc  file\n", f"{'A' * 64}  file\n"])
def test_what_is_no_manifest_is_refused(model: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST_FILE).write_text(text)
    with pytest.raises(TaxiwayError, match="cannot be read"):
        verify(model / "Format-Serving", tmp_path / MANIFEST_FILE)
    with pytest.raises(TaxiwayError):
        digest(text)


def test_the_digest_names_the_content_and_not_the_order(manifest: Path) -> None:
    text = manifest.read_text()
    backwards = "".join(reversed(text.splitlines(keepends=True)))
    assert digest(text) == digest(backwards)
    assert digest(text) != digest(text.replace("saved_model", "other_model"))
