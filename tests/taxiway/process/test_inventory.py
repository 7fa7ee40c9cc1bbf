"""An artifact that has lost or changed a file is known by what was written on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from taxiway.process import inventory
from taxiway.process.inventory import Inventory, fault


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    for name in ("Split-train/a.gz", "Split-train/b.gz", "Split-eval/a.gz"):
        path = tmp_path / "examples" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "examples"


def becomes_a_folder(root: Path) -> None:
    (root / "Split-eval/a.gz").unlink()
    (root / "Split-eval/a.gz").mkdir()


def lose_all(root: Path) -> None:
    for path in root.rglob("*.gz"):
        path.unlink()


def exchange(root: Path) -> None:
    first, second = root / "Split-train/a.gz", root / "Split-train/b.gz"
    texts = first.read_text(), second.read_text()
    first.write_text(texts[1])
    second.write_text(texts[0])


LOSSES: dict[str, Callable[[Path], object]] = {
    "a file is gone": lambda root: (root / "Split-eval/a.gz").rename(root.parent / "a.gz"),
    "all files are gone": lose_all,
    "the folder is gone": shutil.rmtree,
    "a file is cut": lambda root: (root / "Split-eval/a.gz").write_text("S"),
    "a file is empty": lambda root: (root / "Split-eval/a.gz").write_text(""),
    "a file is one too many": lambda root: (root / "Split-eval/c.gz").write_text(""),
    "a file has another name": lambda root: (root / "Split-eval/a.gz").rename(root / "a.gz"),
    "a file has other bytes": lambda root: (root / "Split-eval/a.gz").write_text("0" * 15),
    "two files are exchanged": exchange,
    "a file is a folder": becomes_a_folder,
}


@pytest.mark.parametrize("loss", LOSSES)
def test_whatever_is_lost_or_changed_is_a_fault(artifact: Path, loss: str) -> None:
    properties = Inventory(str(artifact)).properties()
    assert fault(str(artifact), properties) == ""
    LOSSES[loss](artifact)
    assert str(artifact) in fault(str(artifact), properties)


def test_the_fault_says_what_is_there_and_what_was(artifact: Path) -> None:
    properties = Inventory(str(artifact)).properties()
    assert properties["taxiway_files"].startswith("3 files, 47 bytes (sha256 ")
    (artifact / "Split-eval/a.gz").unlink()
    now = Inventory(str(artifact)).files
    assert now.startswith("2 files, 32 bytes (sha256 ")
    told = fault(str(artifact), properties)
    assert told == f"{artifact} has {now}, and had {properties['taxiway_files']}"
    exchange(artifact)
    (artifact / "Split-eval/a.gz").write_text("0" * 15)
    told = fault(str(artifact), properties)
    assert told == f"the content of a file in {artifact} is not what it was"


def test_what_no_reader_takes_is_no_fault(artifact: Path) -> None:
    """Network volumes and desktops leave hidden files; a copy has other times."""
    properties = Inventory(str(artifact)).properties()
    (artifact / ".DS_Store").touch()
    (artifact / ".snapshot").mkdir()
    (artifact / ".snapshot" / "file").touch()
    shutil.copytree(artifact, artifact.with_name("copy"), copy_function=shutil.copyfile)
    shutil.rmtree(artifact)
    artifact.with_name("copy").rename(artifact)
    assert fault(str(artifact), properties) == ""


def test_a_single_file_and_an_empty_folder_have_one_too(tmp_path: Path) -> None:
    (tmp_path / "value").write_text("7")
    value = Inventory(str(tmp_path / "value")).properties()
    (tmp_path / "nothing").mkdir()
    nothing = Inventory(str(tmp_path / "nothing")).properties()
    assert nothing["taxiway_files"].startswith("0 files, 0 bytes")
    assert not fault(str(tmp_path / "value"), value)
    assert not fault(str(tmp_path / "nothing"), nothing)
    (tmp_path / "value").write_text("8")
    (tmp_path / "nothing" / "more").touch()
    assert fault(str(tmp_path / "value"), value)
    assert fault(str(tmp_path / "nothing"), nothing)


def test_of_a_large_one_names_and_sizes_are_looked_at_alone(
    artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "LARGEST_CONTENT", 46)
    properties = Inventory(str(artifact)).properties()
    assert properties["taxiway_content"] == ""
    exchange(artifact)
    assert fault(str(artifact), properties) == ""
    (artifact / "Split-eval/a.gz").unlink()
    assert fault(str(artifact), properties)


def test_an_artifact_of_an_older_release_has_no_fault_that_is_known(artifact: Path) -> None:
    assert fault(str(artifact), {"rows_train": 200}) == ""


@pytest.mark.pipeline
def test_a_bucket_is_looked_at_through_tensorflow() -> None:
    import tensorflow as tf

    files = tf.io.gfile
    for name, text in (("Split-train/a", "one"), ("Split-train/.hidden", ""), ("b", "three")):
        files.makedirs(f"ram://inventory/{name}".rpartition("/")[0])
        with files.GFile(f"ram://inventory/{name}", "w") as file:
            file.write(text)
    properties = Inventory("ram://inventory").properties()
    assert properties["taxiway_files"].startswith("2 files, 8 bytes")
    assert fault("ram://inventory", properties) == ""
    files.remove("ram://inventory/b")
    assert fault("ram://inventory", properties)
    assert fault("ram://inventory/none", properties)
