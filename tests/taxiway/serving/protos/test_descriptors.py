"""The descriptors that are committed are those of the .proto files beside them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from taxiway.serving.protos.messages import DESCRIPTORS
from tests.conftest import REPOSITORY

PYTHON = REPOSITORY / ".clients/env/bin/python"


def test_the_descriptors_are_those_of_the_proto_files(tmp_path: Path) -> None:
    if not PYTHON.exists():
        pytest.skip("no .clients/env, which has protoc: make clients sets it up")
    made = tmp_path / DESCRIPTORS.name
    protos = sorted(path.name for path in DESCRIPTORS.parent.glob("*.proto"))
    line = [str(PYTHON), "-m", "grpc_tools.protoc", "-I.", "--include_imports"]
    subprocess.run(
        [*line, f"--descriptor_set_out={made}", *protos], cwd=DESCRIPTORS.parent, check=True
    )
    assert made.read_bytes() == DESCRIPTORS.read_bytes(), "make protos writes it"
