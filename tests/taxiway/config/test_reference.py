"""The config reference: every key is explained, and the page is what the docstrings say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from taxiway.config.reference import entries, explained, markdown
from taxiway.errors import ConfigError
from tests.conftest import REPOSITORY

PAGE = "docs/reference/config.md"


def test_every_section_and_key_has_a_text() -> None:
    known = list(entries())
    assert len(known) > 150
    assert not [entry.key for entry in known if not entry.text.endswith((".", ")"))]


def test_the_committed_page_is_made_from_the_docstrings(tmp_path: Path) -> None:
    made = tmp_path / "config.md"
    command = [sys.executable, "-m", "taxiway.config.reference", str(made)]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    assert made.read_text() == markdown()
    assert (REPOSITORY / PAGE).read_text() == made.read_text(), "make config-reference"


def test_a_key_is_explained_and_a_misspelt_one_refused_with_a_near_one() -> None:
    (entry,) = explained("data.shards")
    assert (entry.type, entry.default) == ("whole number", "4")
    with pytest.raises(ConfigError, match=r"did you mean 'model.hyperparameters.epochs'"):
        explained("model.hyperparameters.epoch")
