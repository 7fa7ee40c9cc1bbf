"""The doctor on this machine: what it finds, what it loads, and where it works without a .venv."""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from taxiway.scaffold.doctor import probe
from taxiway.scaffold.doctor.machine import versions_for
from taxiway.scaffold.doctor.targets import TARGETS, findings
from tests.conftest import REPOSITORY, TINY, CommandLine
from tests.taxiway.cli.test_main import HEAVY

WITHOUT_PACKAGES = ("-S", "-m", "taxiway.scaffold.doctor")


def run(*command: str, cwd: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


class TestThisMachine:
    def test_the_exit_code_is_that_of_the_target_which_was_asked_for(
        self, here: CommandLine
    ) -> None:
        for target in TARGETS:
            done = here("doctor", "--target", target, "--json")
            told = json.loads(done.out)["targets"]
            assert list(told) == [target]
            assert done.code == (0 if told[target]["works"] else 1)

    def test_what_these_tests_run_on_is_found(self) -> None:
        machine = probe.look(REPOSITORY)
        found = {one.need: one for one in findings(machine, "tests")}
        assert found["system"].status == "ok", found["system"]
        assert found["packages"].status == "ok", found["packages"]
        assert machine.extras == ("kfp", "distributed")
        assert machine.memory > 0
        assert machine.free > 0

    def test_all_targets_are_told_where_none_is_asked_for(self, here: CommandLine) -> None:
        told = here("doctor").out
        assert all(
            re.search(rf"^{target} +(works|does not work)", told, re.M) for target in TARGETS
        )

    def test_an_unknown_target_is_refused_with_a_near_one(self, here: CommandLine) -> None:
        done = here("doctor", "--target", "kubflow")
        assert (done.code, done.out) == (2, "")
        assert "did you mean 'kubeflow'?" in done.err

    def test_a_folder_that_cannot_be_written_is_that_of_the_config(
        self, here: CommandLine, tmp_path: Path
    ) -> None:
        (tmp_path / "file").touch()
        place = tmp_path / "file" / "var"
        where = ("--config", TINY, "--set", f"output.root={place}")
        told = here("doctor", "--target", "local", *where, "--json").out
        (folders,) = (
            one for one in json.loads(told)["targets"]["local"]["needs"] if one["need"] == "folders"
        )
        assert folders["status"] == "missing"
        assert str(place) in folders["found"]


class TestBeforeAnythingIsInstalled:
    def test_it_needs_nothing_but_the_standard_library(self) -> None:
        done = run(sys.executable, *WITHOUT_PACKAGES, "local", "--json")
        told = json.loads(done.stdout)["targets"]["local"]
        assert done.returncode == (0 if told["works"] else 1)
        assert done.stderr == ""

    @pytest.mark.parametrize("version", ["3.8", "3.9"])
    def test_it_runs_on_an_old_python_of_the_system(self, version: str) -> None:
        found = [
            shutil.which(f"python{version}"),
            *map(str, (Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python")),
        ]
        works = [one for one in found if one and run(one, "-c", "").returncode == 0]
        if not works:
            pytest.skip(f"there is no Python {version} here")
        done = run(works[0], *WITHOUT_PACKAGES)
        assert re.search("^local +(works|does not work)", done.stdout, re.M), done.stderr

    def test_a_venv_whose_python_is_gone_is_none(self, tmp_path: Path) -> None:
        (tmp_path / ".venv").mkdir()
        (tmp_path / ".venv" / "installed").touch()
        done = run(sys.executable, "-S", "-c", INSTALLED, str(tmp_path))
        assert done.stdout == "''\n", done.stderr

    @pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
    def test_make_doctor_does_without_a_venv(self, tmp_path: Path) -> None:
        shutil.copy(REPOSITORY / "Makefile", tmp_path)
        (tmp_path / "taxiway").symlink_to(REPOSITORY / "taxiway")
        done = run("make", "--no-print-directory", "doctor", "TARGET=local", cwd=tmp_path)
        assert re.search("^local +(works|does not work)", done.stdout, re.M), done.stderr
        assert "make install" in done.stdout


INSTALLED = (
    "import sys; from pathlib import Path; from taxiway.scaffold.doctor.probe import _installed; "
    "print(repr(_installed(Path(sys.argv[1]))))"
)


def test_it_loads_nothing_heavy() -> None:
    done = run(sys.executable, "-X", "importtime", "-m", "taxiway", "doctor", "--target", "docs")
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "taxiway.scaffold.doctor.probe" in loaded
    assert loaded.isdisjoint({*HEAVY} - {"pydantic"})  # Typer looks whether it is there


@pytest.mark.parametrize(
    ("glibc", "versions"),
    [((2, 36), ("3.10",)), ((2, 38), ("3.13", "3.12", "3.11")), (None, ("3.10",))],
)
def test_the_versions_are_those_that_make_would_take(
    glibc: tuple[int, int] | None, versions: tuple[str, ...]
) -> None:
    assert versions_for(glibc) == versions
    text = (REPOSITORY / "tools" / "find-python.sh").read_text()
    assert f'wanted="{" ".join(versions)}"' in text
    assert '"$minor" -ge 38' in text


@pytest.mark.parametrize(
    ("release", "distribution"),
    [
        ("ID=debian\n", "debian"),
        ("ID=ubuntu\nID_LIKE=debian\n", "debian"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "fedora"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "suse"),
        ("ID=arch\n", ""),
        (None, ""),
    ],
)
def test_a_distribution_is_known_by_whose_packages_it_takes(
    tmp_path: Path, release: str | None, distribution: str
) -> None:
    if release is not None:
        (tmp_path / "os-release").write_text(release)
    assert probe._distribution(tmp_path / "os-release") == distribution


class TestPorts:
    def test_one_that_something_listens_on_is_busy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            monkeypatch.setenv("DASK_PORT", str(port))
            assert probe.look(REPOSITORY).busy_ports == (port,)
        assert probe.look(REPOSITORY).busy_ports == ()


class _Kubeflow(http.server.BaseHTTPRequestHandler):
    """Answers at the API's health, wants a login below /login, and is something else elsewhere."""

    def do_GET(self) -> None:  # named by http.server
        codes = {"/apis/v2beta1/healthz": 200, "/login/apis/v2beta1/healthz": 401}
        self.send_response(codes.get(self.path, 404))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(os, "environ", {**os.environ, "no_proxy": "*"})
    server = http.server.HTTPServer(("127.0.0.1", 0), _Kubeflow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class TestEndpoint:
    def test_none_is_asked_unless_one_is_named(self) -> None:
        assert probe.look(REPOSITORY).endpoint is None

    def test_one_that_answers_has_no_fault(self, address: str) -> None:
        assert probe._ask(f"{address}/").fault == ""

    @pytest.mark.parametrize(
        ("path", "fault"), [("/login", "wants a login"), ("/other", "answers 404 at /apis")]
    )
    def test_what_answers_otherwise_is_told_apart(
        self, address: str, path: str, fault: str
    ) -> None:
        assert fault in probe._ask(address + path).fault

    def test_one_where_nothing_listens_does_not_answer(self, address: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            silent = f"http://127.0.0.1:{free.getsockname()[1]}"
            assert "does not answer" in probe._ask(silent).fault

    @pytest.mark.parametrize("text", ["localhost:8080", "file:///etc/passwd"])
    def test_what_is_no_address_is_not_opened(self, text: str) -> None:
        assert "expected http:// or https://" in probe._ask(text).fault
