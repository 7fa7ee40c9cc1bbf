"""CONFIG and SET reach a command as typed, through make, its recipes' shell and a list of both."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from taxiway.cli.make import arguments, assignments, overlays
from tests.conftest import REPOSITORY

TYPED = (
    "output.root=/tmp/a b",
    "output.root=/tmp/`touch x`",
    "output.root=/tmp/$(touch x)$(shell touch x)$HOME $x $$",
    'output.root=/tmp/it\'s "quoted"',
    "output.root=/tmp/!x !! # no comment",
    "evaluation.metrics=[auc, recall] data.shards=2",
    "a.b=1,c.d=(2) ;&|<>*?~ \\ \\n %",
    "é=日本",
)
TARGETS = ("data", "run-local", "compile", "compile-kubeflow", "submit-kubeflow")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the Makefile, and a .venv whose Python only notes what it is given."""
    folder = tmp_path / "check out"
    (folder / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(REPOSITORY / "Makefile", folder)
    for name in ("requirements.lock", "pyproject.toml"):
        (folder / name).touch()
    python = folder / ".venv" / "bin" / "python"
    python.write_text(
        '#!/bin/sh\nprintf "%s\\0" "$CONFIG" "$SET" "$BASE_CONFIG" "$IMAGE" "$*" > given\n'
    )
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text("#!/bin/sh\n")
    for program in (python, uv):
        program.chmod(0o755)
    (folder / ".venv" / "installed").touch()
    return folder


def given(checkout: Path, *words: str) -> list[str]:
    """What the last command of a target got: CONFIG, SET, BASE_CONFIG, IMAGE, arguments."""
    ours = {name: os.environ[name] for name in os.environ if name not in ("CONFIG", "SET", "IMAGE")}
    environment = {**ours, "PATH": f"{checkout.parent}/bin:{ours['PATH']}"}
    done = subprocess.run(
        ["make", *words], cwd=checkout, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return (checkout / "given").read_text().split("\0")[:-1]


@pytest.mark.skipif(shutil.which("make") is None, reason="the image has no make")
@pytest.mark.parametrize(
    ("target", "default"),
    [
        ("image", "runtime 'taxiway:dev'"),
        ("test-in-image", "taxiway:dev-test"),
        ("profile", "--output 'var/profile.svg'"),
    ],
)
def test_what_is_not_given_has_its_default(target: str, default: str) -> None:
    ours = {name: one for name, one in os.environ.items() if name not in ("IMAGE", "PROFILE")}
    command = ["make", "-n", "-o", "data", target]
    done = subprocess.run(command, cwd=REPOSITORY, env=ours, capture_output=True, text=True)
    assert default in done.stdout, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="the image has no make")
class TestMake:
    @pytest.mark.parametrize("typed", TYPED)
    def test_a_value_is_what_was_typed(self, checkout: Path, typed: str) -> None:
        told = given(checkout, "run-local", f"CONFIG={typed}", f"SET={typed}")
        assert told[:2] == [typed, typed]
        assert not (checkout / "x").exists()

    @pytest.mark.parametrize("target", TARGETS)
    def test_so_it_is_for_every_target(self, checkout: Path, target: str) -> None:
        typed = "output.root=/tmp/a '`touch x`$HOME"
        config, sets, base, image, command = given(checkout, target, f"SET={typed}")
        kubeflow = "kubeflow" in target
        assert (config, sets, base, image) == ("", typed, "kubeflow" * kubeflow, "")
        assert command.startswith("-m taxiway.cli.make ")
        assert not (checkout / "x").exists()

    def test_one_model_is_tested_by_its_name_as_typed(self, checkout: Path) -> None:
        *_, command = given(checkout, "test", "MODEL=it's $x")
        assert command == "-m taxiway.testing it's $x"

    def test_a_line_end_stands_between_two_assignments(self, checkout: Path) -> None:
        _, sets, *_ = given(checkout, "data", "SET=a.b=1\nc.d=2\n")
        assert assignments(sets) == ["a.b=1", "c.d=2"]

    def test_an_image_of_another_name_is_the_runs_too(self, checkout: Path) -> None:
        image = "host:5000/it's/taxiway:$1"
        assert given(checkout, "compile-kubeflow", f"IMAGE={image}")[3] == image
        assert given(checkout, "run-local", f"IMAGE={image}")[3] == ""


class TestWhatWasTyped:
    @pytest.mark.parametrize(
        ("typed", "apart"),
        [
            ("", []),
            ("a.b=1", ["a.b=1"]),
            ("a.b=1 c.d=2", ["a.b=1", "c.d=2"]),
            (" a.b=1\n\tc.d=2 ", ["a.b=1", "c.d=2"]),
            ("output.root=/tmp/a b c.d=2", ["output.root=/tmp/a b", "c.d=2"]),
            ("m=[auc, recall] c.d=2", ["m=[auc, recall]", "c.d=2"]),
            ("m=[{name: a, b: [x=1]}] c.d=2", ["m=[{name: a, b: [x=1]}]", "c.d=2"]),
            ("a='x y=1' b=2", ["a='x y=1'", "b=2"]),
            ('a="x y=1" b=2', ['a="x y=1"', "b=2"]),
            ("a=/it's here b=/it's there", ["a=/it's here", "b=/it's there"]),
            ("a=`x` $y b=$(z) w", ["a=`x` $y", "b=$(z) w"]),
            ("a.b c.d=1", ["a.b", "c.d=1"]),
            ("a=b=c d=e", ["a=b=c", "d=e"]),
            ("a= b=1", ["a=", "b=1"]),
        ],
    )
    def test_assignments_are_taken_apart_where_keys_begin(
        self, typed: str, apart: list[str]
    ) -> None:
        assert assignments(typed) == apart

    def test_files_are_taken_apart_at_blanks_that_are_not_quoted(self) -> None:
        assert overlays("local mine.yaml") == ["local", "mine.yaml"]
        assert overlays("local 'my config.yaml'") == ["local", "my config.yaml"]
        assert overlays("it's.yaml local") == ["it's.yaml", "local"]
        assert overlays("") == []

    def test_a_file_whose_name_has_blanks_may_stand_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "my config's.yaml"
        path.touch()
        assert overlays(str(path)) == [str(path)]

    def test_all_of_it_is_one_command_line(self) -> None:
        environment = {"CONFIG": "local x", "SET": "a.b=c d", "IMAGE": "i:1"}
        assert arguments(["run", "training"], environment) == [
            *("run", "training", "--config", "local", "--config", "x"),
            *("--set", "a.b=c d", "--set", "kubeflow.image=i:1"),
        ]
        on_kubeflow = arguments(["submit"], environment | {"BASE_CONFIG": "kubeflow"})
        assert on_kubeflow[:5] == ["submit", "--config", "kubeflow", "--config", "x"]
