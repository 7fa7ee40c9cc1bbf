"""What each target needs: machines as they are met, and what is said of them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from taxiway.scaffold.doctor.machine import GIB, Endpoint, Interpreter, Machine
from taxiway.scaffold.doctor.needs import MISSING, OK, WARNING
from taxiway.scaffold.doctor.targets import TARGETS, findings, lines, to_json, works

PROGRAMS = {name: f"/usr/bin/{name}" for name in ("c++", "git", "make", "uv", "kubectl", "openssl")}
READY = Machine(
    interpreter=Interpreter("3.10.13", "/usr/bin/python3.10", headers=True),
    installed=".venv",
    programs=PROGRAMS,
    engines={"docker": ""},
    buildkit=True,
)
"""Debian 12 with all that can be asked for."""
FRESH = dataclasses.replace(READY, installed="")
"""The same before `make install`."""
NEW = (2, 39)
"""Ubuntu 24.04's glibc."""


def but(machine: Machine, **changes: Any) -> Machine:
    return dataclasses.replace(machine, **changes)


def without(machine: Machine, *programs: str) -> Machine:
    kept = {name: path for name, path in machine.programs.items() if name not in programs}
    return but(machine, programs=kept)


@pytest.mark.parametrize("target", TARGETS)
def test_on_a_machine_that_has_everything_every_target_works_without_a_warning(target: str) -> None:
    assert [one for one in findings(READY, target) if one.status != OK] == []
    assert works(READY, target)


@pytest.mark.parametrize("target", TARGETS)
def test_what_make_install_does_by_itself_is_only_warned_of(target: str) -> None:
    assert works(FRESH, target)
    warned = {one.need: one.get for one in findings(FRESH, target) if one.status == WARNING}
    assert warned in ({}, {"packages": "make install"})


CASES = {
    "no compiler": (without(FRESH, "c++"), "local", "c++", MISSING, "apt-get install g++"),
    "no compiler on fedora": (
        but(without(FRESH, "c++"), distribution="fedora"),
        *("local", "c++", MISSING, "dnf install gcc-c++"),
    ),
    "no compiler on another system": (
        but(without(FRESH, "c++"), distribution=""),
        *("local", "c++", MISSING, "install c++"),
    ),
    "no compiler, and no need": (
        without(READY, "c++"),
        *("local", "c++", WARNING, "apt-get install g++"),
    ),
    "no headers": (
        but(FRESH, interpreter=Interpreter("3.10.2", "/usr/bin/python3.10", headers=False)),
        *("local", "headers", MISSING, "apt-get install python3-dev"),
    ),
    "no Python, but uv": (
        but(FRESH, interpreter=None),
        *("local", "python", WARNING, "uv python install 3.10   or   pyenv install 3.10"),
    ),
    "no Python on a new system": (
        but(FRESH, interpreter=None, glibc=NEW),
        *("local", "python", WARNING, "uv python install 3.13   or   pyenv install 3.13"),
    ),
    "no Python, and no need": (
        but(READY, interpreter=None),
        *("local", "python", WARNING, "uv python install 3.10   or   pyenv install 3.10"),
    ),
    "no uv, but venv": (without(FRESH, "uv"), "local", "uv", OK, ""),
    "neither uv nor venv": (
        but(without(FRESH, "uv"), makes_venv=False),
        *("docs", "uv", MISSING, "apt-get install python3-venv"),
    ),
    "no make": (without(FRESH, "make"), "tests", "make", MISSING, "apt-get install make"),
    "no git": (without(READY, "git"), "image", "git", WARNING, "apt-get install git"),
    "a Mac": (
        but(READY, system="Darwin", architecture="arm64", glibc=None),
        *("local", "system", MISSING, "such a machine, or one with Docker"),
    ),
    "Alpine": (
        but(READY, glibc=None),
        *("kubeflow", "system", MISSING, "such a machine, or one with Docker"),
    ),
    "an ARM server": (
        but(READY, architecture="aarch64"),
        *("tests", "system", MISSING, "such a machine, or one with Docker"),
    ),
    "a glibc that is too old": (
        but(READY, glibc=(2, 12)),
        *("local", "system", MISSING, "such a machine, or one with Docker"),
    ),
    "no engine": (
        but(READY, engines={}),
        *("local", "containers", WARNING, "apt-get install podman"),
    ),
    "Docker is silent": (
        but(READY, engines={"docker": "does not answer"}),
        *("local", "containers", WARNING, "systemctl start docker"),
    ),
    "Podman answers": (
        but(READY, engines={"docker": "does not answer", "podman": ""}),
        *("local", "containers", OK, ""),
    ),
    "an image without Docker": (
        but(READY, engines={"podman": ""}),
        *("image", "docker", MISSING, "https://docs.docker.com/engine/install/"),
    ),
    "an image with a silent Docker": (
        but(READY, engines={"docker": "does not answer"}),
        *("image", "docker", MISSING, "systemctl start docker"),
    ),
    "an image without BuildKit": (
        but(READY, buildkit=False),
        *("image", "docker", MISSING, "apt-get install docker-buildx-plugin"),
    ),
    "little memory": (
        but(READY, memory=2 * GIB),
        "local",
        "memory",
        WARNING,
        "smaller data.spans, engine.workers.kind=inline, or another machine",
    ),
    "what a machine of 4 GiB has": (
        but(READY, memory=int(3.85 * GIB)),
        *("local", "memory", OK, ""),
    ),
    "a full disk": (
        but(FRESH, free=3 * GIB),
        *("local", "disk", MISSING, "room on the project's disk, or output.root elsewhere"),
    ),
    "a full disk, and all is there": (but(READY, free=3 * GIB), "local", "disk", OK, ""),
    "a folder of someone else": (
        but(READY, unwritable=("/srv/runs",)),
        *("local", "folders", MISSING, "chown -R $(id -un) FOLDER, or --set output.root=ANOTHER"),
    ),
    "Latin-1": (
        but(READY, encoding="ISO-8859-1"),
        *("local", "locale", WARNING, "export LC_ALL=C.UTF-8"),
    ),
    "a project without Kubeflow": (
        but(READY, extras=("distributed",)),
        "kubeflow",
        "kfp",
        MISSING,
        "taxiway[kubeflow] in the dependencies of pyproject.toml, then make lock install",
    ),
    "a project without Dask": (
        but(READY, extras=("kfp",)),
        "dask",
        "distributed",
        MISSING,
        "taxiway[dask] in the dependencies of pyproject.toml, then make lock install",
    ),
    "a project without Dask, before it is set up": (
        but(FRESH, extras=()),
        *("dask", "distributed", OK, ""),
    ),
    "no kubectl": (
        without(READY, "kubectl"),
        *("kubeflow", "kubectl", WARNING, "https://kubernetes.io/docs/tasks/tools/"),
    ),
    "a Kubeflow that answers": (
        but(READY, endpoint=Endpoint("http://localhost:8080")),
        *("kubeflow", "endpoint", OK, ""),
    ),
    "a Kubeflow that does not": (
        but(READY, endpoint=Endpoint("http://localhost:8080", "does not answer: refused")),
        "kubeflow",
        "endpoint",
        MISSING,
        "kubectl port-forward -n kubeflow service/ml-pipeline-ui 8080:80, or kubeflow.endpoint",
    ),
    "the scheduler's port is in use": (
        but(READY, busy_ports=(8786,)),
        *("dask", "port", MISSING, "DASK_PORT=8796 make dask-up"),
    ),
    "no openssl": (
        without(READY, "openssl"),
        "dask",
        "openssl",
        MISSING,
        "apt-get install openssl",
    ),
}


@pytest.mark.parametrize(("machine", "target", "need", "status", "get"), CASES.values(), ids=CASES)
def test_what_is_met_on_machines_is_told_with_the_way_to_mend_it(
    machine: Machine, target: str, need: str, status: str, get: str
) -> None:
    (found,) = (one for one in findings(machine, target) if one.need == need)
    assert (found.status, found.get) == (status, get), found
    assert works(machine, target) == (status != MISSING)
    others = [one for one in findings(machine, target) if one.need != need]
    assert all(one.status != MISSING for one in others)


def test_a_python_is_missing_where_nothing_could_download_it() -> None:
    bare = but(without(FRESH, "uv"), interpreter=None, makes_venv=False)
    missing = {one.need: one.get for one in findings(bare, "local") if one.status == MISSING}
    assert missing == {
        "python": "uv python install 3.10   or   pyenv install 3.10",
        "uv": "apt-get install python3-venv",
    }


def test_a_need_that_one_target_has_does_not_stop_another() -> None:
    machine = but(READY, engines={}, busy_ports=(8786,))
    assert [target for target in TARGETS if not works(machine, target)] == ["image", "dask"]


class TestTheTable:
    def test_each_need_is_told_once_at_its_worst_and_each_target_has_its_line(self) -> None:
        told = lines(but(READY, free=5 * GIB), list(TARGETS))
        assert [line for line in told if line.startswith("disk ")] == [
            "disk        missing  5.0 GiB free, expected 10 GiB"
        ]
        assert told[-6:] == [
            "local       works",
            "tests       works",
            "image       does not work: disk",
            "kubeflow    works",
            "dask        works",
            "docs        works",
        ]

    def test_what_gets_it_is_on_the_line_below(self) -> None:
        told = lines(without(FRESH, "c++"), ["local"])
        at = told.index("c++         missing  no C++ compiler, for pyfarmhash")
        assert told[at + 1].strip() == "get it: apt-get install g++"
        assert told[-1] == "local       does not work: c++ (warnings: packages)"

    def test_it_is_ascii_and_moves_no_cursor_whatever_folders_are_called(self) -> None:
        told = "\n".join(lines(but(READY, unwritable=("/srv/Läufe\x1b[2J",)), ["local"]))
        assert told.isascii()
        assert "\x1b" not in told
        assert r"/srv/L\xe4ufe\x1b[2J" in told

    def test_as_json_it_has_all_needs_of_each_target(self) -> None:
        told = to_json(but(READY, engines={}), ["image"])["targets"]["image"]
        assert told["works"] is False
        assert told["needs"][0] == {
            "need": "docker",
            "status": "missing",
            "found": "not found; it builds the image",
            "get": "https://docs.docker.com/engine/install/",
        }
        assert {one["need"] for one in told["needs"]} == {"docker", "make", "git", "disk"}
