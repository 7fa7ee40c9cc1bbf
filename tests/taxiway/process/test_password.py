"""Passwords and tokens are read from the environment, or from the file that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from taxiway.errors import ConfigError
from taxiway.process.password import password_of, secret_of

NAME = "TAXIWAY_A_PASSWORD"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `NAME_FILE` names; it is not there yet."""
    monkeypatch.delenv(NAME, raising=False)
    path = tmp_path / "password"
    monkeypatch.setenv(f"{NAME}_FILE", str(path))
    return path


@pytest.mark.parametrize("written", ["of file ü", "of file ü\n", " of file ü\r\n"])
def test_a_file_holds_it_without_the_end_of_its_line(file: Path, written: str) -> None:
    file.write_bytes(written.encode())
    assert secret_of(NAME) == password_of(NAME, "ann", "registry") == "of file ü"


def test_the_variable_itself_is_before_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("of file")
    monkeypatch.setenv(NAME, " as it is ")
    assert secret_of(NAME) == " as it is "


def test_a_file_that_is_not_there_is_as_if_none_was_named(file: Path) -> None:
    assert not file.exists()
    assert secret_of(NAME) is None
    with pytest.raises(ConfigError, match=f"no {NAME}, which holds the password of ann"):
        password_of(NAME, "ann", "registry")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a" * 70_000])
def test_a_file_that_is_no_secret_is_refused_and_not_quoted(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="is no secret") as refused:
        secret_of(NAME)
    assert "aaa" not in str(refused.value)
    assert refused.value.edit == f"{NAME}_FILE"


def test_what_cannot_be_read_is_told(file: Path) -> None:
    file.mkdir()
    with pytest.raises(ConfigError, match=f"{file} cannot be read: Is a directory"):
        secret_of(NAME)
