"""Looks this machine up: reads files, asks programs for their version, changes nothing."""

from __future__ import annotations

import contextlib
import importlib.util
import locale
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from taxiway.scaffold.doctor.machine import Endpoint, Interpreter, Machine, versions_for

PROGRAMS = ("c++", "git", "make", "kubectl", "openssl")
EXTRAS = ("kfp", "distributed")
SECONDS = 5.0
"""That a program, or a Kubeflow, has to answer."""
_HEALTH = "/apis/v2beta1/healthz"
_ASK_PYTHON = (
    "import os, sys, sysconfig, venv; print('.'.join(map(str, sys.version_info[:3])), "
    "os.path.isfile(os.path.join(sysconfig.get_path('include'), 'Python.h')))"
)
_NO_LIMIT = 1 << 60


def look(project: Path, output_root: str = "var", endpoint: str = "") -> Machine:
    """This machine as it is now.

    Args:
      project: the folder with the Makefile.
      output_root: the config's, for whether it can be written.
      endpoint: a Kubeflow's address, to be asked whether it answers; none is asked without.
    """
    glibc = _glibc()
    uv = shutil.which("uv") or _file(project / ".uv" / "bin" / "uv")
    found = {name: shutil.which(name) or "" for name in PROGRAMS}
    port = os.environ.get("DASK_PORT", "")
    dask_port = int(port) if port.isdigit() and 0 < int(port) < 65536 else 8786
    installed = _installed(project)
    return Machine(
        system=platform.system(),
        architecture=platform.machine(),
        glibc=glibc,
        distribution=_distribution(Path("/etc/os-release")),
        interpreter=_interpreter(versions_for(glibc), uv),
        installed=installed,
        extras=tuple(name for name in EXTRAS if _has_package(project, installed, name)),
        makes_venv=bool(uv) or _answers("python3", "-c", "import ensurepip, venv"),
        programs={name: path for name, path in {**found, "uv": uv}.items() if path},
        engines={
            name: "" if _answers(name, "info") else "does not answer"
            for name in ("docker", "podman")
            if shutil.which(name)
        },
        buildkit=_has_buildkit(),
        memory=_memory(),
        free=shutil.disk_usage(_nearest(project)).free,
        unwritable=tuple(_unwritable(project, Path(output_root).expanduser())),
        encoding=locale.getpreferredencoding(False),
        busy_ports=(dask_port,) if _is_busy(dask_port) else (),
        dask_port=dask_port,
        endpoint=_ask(endpoint) if endpoint else None,
    )


def _glibc() -> tuple[int, int] | None:
    try:
        told = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, OSError, ValueError):
        return None
    found = re.search(r"(\d+)\.(\d+)", told)
    return (int(found[1]), int(found[2])) if found else None


def _distribution(release: Path) -> str:
    try:
        text = release.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    names = " ".join(re.findall(r"^ID(?:_LIKE)?=(.*)$", text, re.M)).replace('"', "").split()
    families = {"ubuntu": "debian", "rhel": "fedora", "centos": "fedora"}
    known = [families.get(name, name) for name in names]
    return next((name for name in known if name in ("debian", "fedora", "suse")), "")


def _interpreter(versions: tuple[str, ...], uv: str) -> Interpreter | None:
    """The first that answers; in the order of tools/find-python.sh, and as it would be taken."""
    for version in versions:
        for path in _candidates(version, uv):
            told = _output(path, "-c", _ASK_PYTHON).split()
            if len(told) == 2 and told[0].startswith(version + "."):
                return Interpreter(told[0], path, told[1] == "True")
    return None


def _candidates(version: str, uv: str) -> Iterator[str]:
    yield shutil.which("python" + version) or ""
    for root in (os.environ.get("PYENV_ROOT", ""), str(Path.home() / ".pyenv")):
        if root:
            pattern = f"versions/{version}.*/bin/python"
            yield from sorted(map(str, Path(root).glob(pattern)), reverse=True)
    if uv:
        yield _output(uv, "python", "find", "--no-python-downloads", version).strip()


def _installed(project: Path) -> str:
    venv = project / ".venv"
    if (venv / "installed").is_file() and _answers(str(venv / "bin" / "python"), "-c", ""):
        return ".venv"
    return sys.prefix if importlib.util.find_spec("tfx") else ""


def _has_package(project: Path, installed: str, name: str) -> bool:
    """Without importing it, since .venv may be of another Python than this one."""
    if installed == ".venv":
        return any((project / ".venv").glob(f"lib/python*/site-packages/{name}"))
    return importlib.util.find_spec(name) is not None


def _has_buildkit() -> bool:
    """Up to 22 the client itself speaks it; from 23 on it needs the plugin (build-image.sh)."""
    if not shutil.which("docker"):
        return False
    if _answers("docker", "buildx", "version"):
        return True
    major = _output("docker", "version", "--format", "{{.Client.Version}}").partition(".")[0]
    return major.isdigit() and 18 <= int(major) < 23


def _memory() -> int:
    limits = [_NO_LIMIT]
    with contextlib.suppress(ValueError, OSError, AttributeError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(path).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            continue
        if text.isdigit():
            limits.append(int(text))
    return min(limits)


def _nearest(path: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    path = path.absolute()
    return next(one for one in (path, *path.parents) if one.exists())


def _unwritable(project: Path, output_root: Path) -> Iterator[str]:
    for path in (project, project / output_root):
        here = _nearest(path)
        if not (here.is_dir() and os.access(str(here), os.W_OK | os.X_OK)):
            yield str(path)


def _is_busy(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _ask(url: str) -> Endpoint:
    if not re.match(r"https?://", url):
        return Endpoint(url, "is no address: expected http:// or https://")
    try:
        request = url.rstrip("/") + _HEALTH
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310  # checked
            return Endpoint(url, "" if answer.status == 200 else str(answer.status))
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            return Endpoint(url, "answers, and wants a login (kubeflow.token_env)")
        return Endpoint(url, f"answers {error.code} at {_HEALTH}, as no Kubeflow does")
    except (OSError, ValueError) as error:
        return Endpoint(url, "does not answer: {}".format(getattr(error, "reason", error)))


def _answers(*command: str) -> bool:
    return _ended(list(command)) is not None


def _output(*command: str) -> str:
    return (_ended(list(command)) or b"").decode("utf-8", "replace")


def _ended(command: list[str]) -> bytes | None:
    """What a program printed; None where it is not there, fails, or takes too long."""
    if not command[0]:
        return None
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _file(path: Path) -> str:
    return str(path) if path.is_file() else ""
