"""A source is known by how it is written, and stays what it was when a project was made."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.scaffold.project import sources
from taxiway.scaffold.project.sources import (
    Checkout,
    Git,
    Index,
    Source,
    Url,
    Wheel,
    built,
    installed_source,
    pinned,
    read_source,
)
from tests.conftest import REPOSITORY

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("1.2.3", Index("1.2.3")),
        ("==1.2.3rc1", Index("1.2.3rc1")),
        ("taxiway==1.2", Index("1.2")),
        ("git+https://host/taxiway.git", Git("https://host/taxiway.git")),
        ("https://host/taxiway.git@v1.2", Git("https://host/taxiway.git", "v1.2")),
        ("git+ssh://git@host/taxiway.git", Git("ssh://git@host/taxiway.git")),
        ("git+ssh://git@host/taxiway.git@main", Git("ssh://git@host/taxiway.git", "main")),
        (
            "https://host/taxiway-1.2-py3-none-any.whl",
            Url("https://host/taxiway-1.2-py3-none-any.whl"),
        ),
        (str(REPOSITORY), Checkout(REPOSITORY)),
    ],
)
def test_it_is_known_by_how_it_is_written(text: str, source: Source) -> None:
    assert read_source(text) == source


def test_a_wheel_is_known_and_says_its_version(wheel: Path) -> None:
    found = read_source(str(wheel))
    assert found == Wheel(wheel)
    assert wheel.name.startswith(f"taxiway-{Wheel(wheel).version}-")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("latest", "'latest' is no source; expected a wheel"),
        ("", "is no source"),
        ("1.2; rm", "is no source"),
        ("missing-1.2-py3-none-any.whl", "does not exist"),
        (str(REPOSITORY / "docs"), "is no checkout of Taxiway"),
    ],
)
def test_what_is_none_is_refused_with_what_can_be_one(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as refused:
        read_source(text, "--to")
    assert refused.value.edit == "--to"
    assert refused.value.message.startswith("--to: ")


@pytest.mark.parametrize("case", ["no archive", "no metadata", "another package"])
def test_a_file_that_is_no_wheel_of_taxiway_is_refused(case: str, tmp_path: Path) -> None:
    path = tmp_path / "taxiway-1.2-py3-none-any.whl"
    if case == "no archive":
        path.write_text("nothing")
    else:
        with zipfile.ZipFile(path, "w") as archive:
            if case == "another package":
                archive.writestr("other-1.2.dist-info/METADATA", "Name: other\nVersion: 1.2\n\n")
            else:
                archive.writestr("other", "")
    with pytest.raises(ConfigError, match=r"is no wheel|is a wheel of other"):
        read_source(str(path))


def test_a_checkout_that_cannot_be_built_says_why(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[build-system\n")
    with pytest.raises(TaxiwayError, match="no wheel can be built"):
        built(Checkout(tmp_path), tmp_path / "out")


class TestInstalled:
    """Where the package that runs came from, without being told."""

    @pytest.fixture(autouse=True)
    def _no_checkout(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sources, "is_checkout", lambda folder: folder == REPOSITORY / "none")

    def installed(self, folder: Path, direct_url: object, patch: pytest.MonkeyPatch) -> Source:
        told = folder / "taxiway-7.8.dist-info"
        told.mkdir()
        (told / "METADATA").write_text("Metadata-Version: 2.1\nName: taxiway\nVersion: 7.8\n")
        if direct_url:
            (told / "direct_url.json").write_text(json.dumps(direct_url))
        patch.syspath_prepend(str(folder))
        return installed_source()

    @pytest.mark.parametrize(
        ("direct_url", "source"),
        [
            (None, Index("7.8")),
            (
                {"url": "https://host/t.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
                Git("https://host/t.git", COMMIT),
            ),
            ({"url": "https://host/t.whl", "archive_info": {}}, Url("https://host/t.whl")),
        ],
        ids=["from the index", "from git", "from an address"],
    )
    def test_it_is_what_the_installer_wrote_down(
        self, direct_url: object, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.installed(tmp_path, direct_url, monkeypatch) == source

    def test_a_wheel_that_is_there_no_longer_is_asked_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(ConfigError, match="does not exist"):
            self.installed(tmp_path, {"url": "file:///gone/taxiway-7.8.whl"}, monkeypatch)


def test_a_checkout_is_its_own_source() -> None:
    assert installed_source() == Checkout(REPOSITORY)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
class TestGit:
    @pytest.fixture
    def upstream(self, tmp_path: Path) -> Path:
        folder = tmp_path / "upstream"
        folder.mkdir()
        for command in (
            ("init", "--quiet", "--initial-branch=main"),
            ("commit", "--quiet", "--allow-empty", "--message", "one"),
            ("tag", "--annotate", "v1", "--message", "a tag is an object of its own"),
            ("tag", "light"),
            ("commit", "--quiet", "--allow-empty", "--message", "two"),
        ):
            self.git(folder, *command)
        return folder

    def git(self, folder: Path, *arguments: str) -> str:
        options = ("-c", "user.name=Upstream", "-c", "user.email=upstream@example.com")
        env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        done = subprocess.run(
            ["git", *options, *arguments],
            cwd=folder,
            env=env,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    @pytest.mark.parametrize(
        ("ref", "commit"), [("", "HEAD"), ("main", "HEAD"), ("v1", "HEAD^"), ("light", "HEAD^")]
    )
    def test_a_branch_or_a_tag_becomes_the_commit_that_it_is_now(
        self, upstream: Path, ref: str, commit: str
    ) -> None:
        found = pinned(Git(f"file://{upstream}", ref))
        assert found.ref == self.git(upstream, "rev-parse", commit)
        assert found.requirement == f" @ git+file://{upstream}@{found.ref}"

    def test_a_commit_stays_and_nobody_is_asked(self) -> None:
        assert pinned(Git("https://nowhere.invalid/x", COMMIT)).ref == COMMIT

    def test_a_tag_that_is_not_there_is_told(self, upstream: Path) -> None:
        with pytest.raises(TaxiwayError, match="no branch or tag 'v9'"):
            pinned(Git(f"file://{upstream}", "v9"))

    def test_a_repository_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(TaxiwayError, match="cannot be used"):
            pinned(Git(f"file://{tmp_path}/none"))
