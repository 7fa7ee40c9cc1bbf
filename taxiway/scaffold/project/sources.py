"""Where a project gets the package from: a wheel, a checkout, a git address, or an index.

A wheel travels with the project, and so does the one that a checkout is built to: no address leads
to them from another machine. The rest is named in the project's pyproject.toml.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path
from typing import Final

from taxiway.errors import ConfigError, TaxiwayError

PACKAGE: Final = "taxiway"
KINDS: Final = (
    "a wheel (dist/taxiway-1.2.3-py3-none-any.whl), a checkout (a folder), "
    "a git address (git+https://host/taxiway.git@v1.2.3), or a version in the index (1.2.3)"
)
_VERSION: Final = re.compile(r"(?:taxiway)?(?:==)?(\d+(?:\.\d+)*[a-z0-9.+]*)")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Wheel:
    """A wheel on this machine."""

    path: Path

    @property
    def version(self) -> str:
        """As its metadata says."""
        return wheel_version(self.path)


@dataclass(frozen=True)
class Checkout:
    """A checkout of Taxiway, of which a wheel is built."""

    path: Path


@dataclass(frozen=True)
class Git:
    """A repository, and the branch, tag or commit in it; without one, its main branch."""

    address: str
    ref: str = ""

    @property
    def requirement(self) -> str:
        """As pip and uv take it, behind the name of the package."""
        return f" @ {self.text}"

    @property
    def text(self) -> str:
        """As `--source` takes it."""
        return f"git+{self.address}{'@' if self.ref else ''}{self.ref}"


@dataclass(frozen=True)
class Url:
    """A wheel at an address."""

    address: str

    @property
    def requirement(self) -> str:
        """As pip and uv take it, behind the name of the package."""
        return f" @ {self.address}"

    @property
    def text(self) -> str:
        """As `--source` takes it."""
        return self.address


@dataclass(frozen=True)
class Index:
    """A version in the package index that pip and uv are set to; without one, the newest."""

    version: str = ""

    @property
    def requirement(self) -> str:
        """As pip and uv take it, behind the name of the package."""
        return f"=={self.version}" if self.version else ""

    @property
    def text(self) -> str:
        """As `--source` takes it."""
        return self.version


Remote = Git | Url | Index
"""What installers fetch."""
Source = Wheel | Checkout | Remote


def read_source(text: str, option: str = "--source") -> Source:
    """What a source is, by how it is written.

    Args:
      text: one of KINDS.
      option: what to name in an error.

    Raises:
      ConfigError: it is none of them, or is not there.
    """
    path = Path(text).expanduser()
    if "://" in text:
        if path.suffix == ".whl":
            return Url(text)
        address = text.removeprefix("git+")
        head, _, ref = address.rpartition("@")
        return Git(head, ref) if head and "/" not in ref else Git(address)
    if path.suffix == ".whl":
        wheel_version(path, option)
        return Wheel(path)
    if text and path.is_dir():
        if not is_checkout(path):
            raise ConfigError(f"{option}: {text} is no checkout of Taxiway", edit=option)
        return Checkout(path)
    version = _VERSION.fullmatch(text)
    if version:
        return Index(version[1])
    raise ConfigError(f"{option}: '{text}' is no source; expected {KINDS}", edit=option)


def installed_source() -> Source:
    """Where the package that runs came from, as its installer wrote down (PEP 610).

    Raises:
      ConfigError: nothing is known of that.
    """
    root = Path(__file__).parents[3]
    if is_checkout(root):
        return Checkout(root)
    try:
        found = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:
        raise ConfigError(
            "this installation does not say where it came from", edit=f"--source: {KINDS}"
        ) from None
    told = json.loads(found.read_text("direct_url.json") or "{}")
    url = str(told.get("url", ""))
    if "vcs_info" in told:
        return Git(url, told["vcs_info"].get("commit_id", ""))
    if url.startswith("file://"):
        return read_source(url.removeprefix("file://"))
    return Url(url) if url else Index(found.version)


def installed_version() -> str:
    """Of the package that runs; a checkout's is that of its pyproject.toml as it is now.

    Raises:
      ConfigError: nothing is known of it.
    """
    root = Path(__file__).parents[3]
    if is_checkout(root):
        text = (root / "pyproject.toml").read_text(encoding="utf-8")
        return str(re.findall(r'^version = "(.+)"$', text, re.M)[0])
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        raise ConfigError(
            "this installation of Taxiway does not say its version", edit="install its wheel"
        ) from None


def is_checkout(folder: Path) -> bool:
    """Whether a folder holds this repository, or a fork of it."""
    return (folder / "pyproject.toml").is_file() and (folder / "taxiway" / "scaffold").is_dir()


def wheel_version(path: Path, option: str = "--source") -> str:
    """The version of a wheel of Taxiway.

    Raises:
      ConfigError: it is not there, or is no such wheel.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
            headers = HeaderParser().parsestr(archive.read(name).decode("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{option}: {path} does not exist", edit=option) from None
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ConfigError(f"{option}: {path} is no wheel: {error}", edit=option) from None
    if headers["Name"] != PACKAGE:
        raise ConfigError(f"{option}: {path} is a wheel of {headers['Name']}", edit=option)
    return str(headers["Version"])


def built(checkout: Checkout, folder: Path) -> Wheel:
    """The wheel of a checkout.

    Raises:
      TaxiwayError: it cannot be built.
    """
    command = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
    done = subprocess.run(command, cwd=checkout.path, capture_output=True, text=True)
    if done.returncode != 0:
        raise TaxiwayError(
            f"no wheel can be built of {checkout.path}: {_last_line(done.stderr)}",
            edit="--source: a wheel, a git address or a version",
        )
    (path,) = folder.glob("*.whl")
    return Wheel(path)


def pinned(source: Git) -> Git:
    """The same with the commit in the place of a branch or tag, so that it stays what it is.

    Raises:
      TaxiwayError: the repository cannot be asked, or has no such branch or tag.
    """
    if _COMMIT.fullmatch(source.ref):
        return source
    command = ("git", "ls-remote", source.address, source.ref or "HEAD", f"{source.ref}^{{}}")
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise TaxiwayError("git is not installed", edit="install git") from None
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    if done.returncode != 0 or not lines:
        reason = _last_line(done.stderr) or f"it has no branch or tag '{source.ref}'"
        raise TaxiwayError(f"{source.address} cannot be used: {reason}", edit="the git address")
    # An annotated tag is an object of its own; what it stands for comes with ^{} behind its name.
    peeled = [commit for commit, name in lines if name.endswith("^{}")]
    return Git(source.address, (peeled or [lines[0][0]])[0])


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]
