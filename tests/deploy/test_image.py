"""The container image, from outside: what is in it, what is not, and that anyone may run it."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from tests.test_packaging import PROJECT

IMAGE = os.environ.get("TAXIWAY_IMAGE", "")
pytestmark = pytest.mark.skipif(not IMAGE, reason="TAXIWAY_IMAGE names no image (make test-image)")

LABEL = "org.opencontainers.image"
LAYER_BYTES = {"/own": 500_000, "/served": 2_000_000, "/app": 4_500_000}
"""At most of each layer of code, the newest first: models, components, pipelines and configs, which
change daily; what only commands and servers use; and what tasks are made of."""


def docker(*arguments: str) -> str:
    """What a docker command printed, both streams; it must succeed."""
    done = subprocess.run(
        ["docker", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def inside(*command: str, options: tuple[str, ...] = ()) -> str:
    """What a command says in a container that may write nowhere but in /tmp."""
    bounds = ("--rm", "--network=none", "--read-only", "--tmpfs=/tmp")
    return docker("run", *bounds, *options, IMAGE, *command).strip()


def settings() -> dict[str, Any]:
    return dict(json.loads(docker("image", "inspect", IMAGE))[0]["Config"])


def test_nothing_that_builds_or_installs_is_in_it() -> None:
    tools = "cc gcc g++ c++ make git pip pip3 uv pytest mypy ruff"
    found = inside("sh", "-c", f"for tool in {tools}; do command -v $tool; done; true")
    assert found == ""


@pytest.mark.parametrize("python", ["python", "/usr/bin/python3"])
def test_no_python_in_it_has_pip_or_a_package_of_development(python: str) -> None:
    program = """
import importlib.util
names = ("pip", "ensurepip", "uv", "pytest", "mypy", "hypothesis", "coverage", "hatchling")
print([name for name in names if importlib.util.find_spec(name)])
"""
    assert inside(python, "-c", program) == "[]"


def test_its_user_is_a_number_and_not_root() -> None:
    user, _, group = settings()["User"].partition(":")
    assert user.isdecimal()
    assert group.isdecimal()
    assert "0" not in (user, group)
    assert inside("stat", "-c", "%u:%g", "/taxiway") == f"{user}:{group}"


def test_it_trusts_whom_the_distribution_trusts_and_no_one_else() -> None:
    """A certificate of the network it was built in would be one more."""
    program = r"""
from pathlib import Path
end = "-----END CERTIFICATE-----"
bundle = Path("/etc/ssl/certs/ca-certificates.crt").read_text().split(end)
given = "".join(path.read_text() for path in Path("/usr/share/ca-certificates").rglob("*.crt"))
print({one.strip() for one in bundle} == {one.strip() for one in given.split(end)}, len(bundle))
print(list(Path("/usr/local/share/ca-certificates").rglob("*")), Path("/run/secrets").exists())
"""
    same, rest = inside("python", "-c", program).splitlines()
    assert same.startswith("True ")
    assert int(same.split()[1]) > 50
    assert rest == "[] False"


def test_its_labels_say_what_it_is_and_what_it_stands_on() -> None:
    labels = {name.removeprefix(f"{LABEL}."): text for name, text in settings()["Labels"].items()}
    assert labels["title"] == PROJECT["project"]["name"]
    assert labels["version"] == PROJECT["project"]["version"]
    assert labels["base.name"]
    assert labels["base.digest"].startswith("sha256:")
    assert labels["revision"]


def test_neither_history_nor_environment_tells_where_it_was_built() -> None:
    told = docker("history", "--no-trunc", IMAGE) + "\n".join(settings()["Env"])
    assert not [word for word in ("://", "SSL_CERT", "PIP_", "UV_", "_proxy") if word in told]


def test_a_change_of_the_code_is_a_small_layer() -> None:
    told = docker("history", "--human=false", "--format", "{{.Size}} {{.CreatedBy}}", IMAGE)
    layers = [line.partition(" ") for line in told.splitlines()]  # the newest first
    packages = next(i for i, (_, _, made_by) in enumerate(layers) if "COPY /opt/taxiway" in made_by)
    sizes = {made_by.split()[1]: int(size) for size, _, made_by in layers[:packages] if int(size)}
    assert list(sizes) == list(LAYER_BYTES)
    assert all(sizes[name] < most for name, most in LAYER_BYTES.items()), sizes


WITHOUT_BYTECODE = """
import importlib, pathlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
ours = ("components", "models", "pipelines", "taxiway")
files = [
    module.__file__ for name, module in sys.modules.items()
    if name.partition(".")[0] in ours and getattr(module, "__file__", None)
]
compiled = [pathlib.Path(importlib.util.cache_from_source(file)) for file in files]
print([file for file, cache in zip(files, compiled) if not cache.exists()])
"""


def test_what_a_task_imports_has_its_bytecode() -> None:
    task, worker = "taxiway.runners.kubeflow.task", "taxiway.serving.worker.__main__"
    names = [
        f"{task}.supervisor",
        f"{task}.attempt",
        worker,
        "pipelines.training",
        "pipelines.exit",
    ]
    told = inside("python", "-c", WITHOUT_BYTECODE, *names)
    assert told.splitlines()[-1] == "[]"


@pytest.mark.parametrize("options", [(), ("--user=4711:4711",)], ids=["its user", "any user"])
def test_its_command_line_and_tfx_work_for(options: tuple[str, ...]) -> None:
    for program in (("taxiway",), ("python", "-m", "taxiway")):
        assert "A production TFX pipeline" in inside(*program, "--help", options=options)
    inside("python", "-c", "import tfx.components", options=(*options, "--workdir=/"))


def test_modelmanifest_finds_its_commands() -> None:
    commands = ("find", "mkdir", "mv", "rm", "sha256sum", "sort")
    found = inside("sh", "-c", f"for command in {' '.join(commands)}; do command -v $command; done")
    assert len(found.splitlines()) == len(commands)
