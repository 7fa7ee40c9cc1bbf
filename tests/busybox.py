"""A container image made on the spot, since tests pull nothing."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

BUSYBOX = Path("/bin/busybox")
APPLETS = (
    *("sh", "cat", "env", "find", "id", "ls", "mv", "mkdir", "rm", "sha256sum", "sleep", "sort"),
    "true",
)


@pytest.fixture(scope="session")
def busybox_image() -> Iterator[str]:
    """An image with busybox alone in it; skips where Docker or busybox is not to be had."""
    if shutil.which("docker") is None:
        pytest.skip("Docker is not installed")
    asked = subprocess.run(["docker", "info"], capture_output=True, text=True, timeout=20)
    if asked.returncode != 0:
        pytest.skip(f"the Docker daemon does not answer: {asked.stderr.strip()[-200:]}")
    if not BUSYBOX.exists():
        pytest.skip(f"no {BUSYBOX} to make an image from (apt-get install busybox-static)")
    image = f"taxiway-test:{uuid.uuid4().hex}"  # its own, for tests that run side by side
    subprocess.run(
        ["docker", "import", "-", image], input=_root_filesystem(), check=True, capture_output=True
    )
    yield image
    subprocess.run(["docker", "image", "rm", "--force", image], capture_output=True)


def _root_filesystem() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        folder = tarfile.TarInfo("bin")  # made by itself it would be root's alone
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(folder)
        binary = archive.gettarinfo(str(BUSYBOX.resolve()), "bin/busybox")
        with BUSYBOX.open("rb") as content:
            archive.addfile(binary, content)
        for applet in APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
    return packed.getvalue()
