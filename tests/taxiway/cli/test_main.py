"""The command line as users meet it: what it prints, what it refuses, and its exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, TINY, CommandLine, taxiway

HEAVY = (
    "tensorflow",
    "tfx",
    "mlflow",
    "pydantic",
    "pyarrow",
    "ml_metadata",
    "apache_beam",
    "omegaconf",
)
ONE_SPAN = ("--config", TINY, "--set", "data.export.spans=[1]")


class TestHelp:
    def test_it_tells_every_command_and_loads_nothing_heavy(self) -> None:
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "taxiway", "--help"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
        assert "typer" in loaded
        assert loaded.isdisjoint(HEAVY)
        for command in ("data", "run", "compile", "submit", "doctor", "new", "remove", "upgrade"):
            assert re.search(rf"\b{command}\b", done.stdout)

    @pytest.mark.parametrize("command", ["data", "run", "compile", "submit"])
    def test_every_command_tells_its_options(self, here: CommandLine, command: str) -> None:
        done = here(command, "-h")
        assert done.code == 0
        assert "--config" in done.out
        assert "--set" in done.out


class TestWrongUsage:
    """Exit code 2 and a few lines, before anything heavy is loaded."""

    CASES = (
        (["fly"], "No such command 'fly'"),
        (["run", "--colour"], "No such option"),
        (["run", "trainign"], "no pipeline is named 'trainign'; did you mean 'training'?"),
        (["compile", "serving"], "no pipeline is named 'serving' (known: training)"),
        (
            ["compile", "--target", "irr"],
            "unknown target 'irr'; did you mean 'ir'? (known: ir, kubeflow, vertex)",
        ),
        (["run", "--config", "kubeflwo"], "did you mean 'kubeflow'?"),
        (["data", "--set", "data.fromat=csv"], "did you mean 'format'?"),
        (["run", "--set", "evaluation.metrics=[acu]"], "did you mean 'auc'?"),
        (["compile", "--set", "evaluation.metrics=[acu]"], "did you mean 'auc'?"),
        (["run", "--set", "output.root=/dev/null/var"], "there is no data in /dev/null/var"),
    )

    @pytest.mark.parametrize(("arguments", "told"), CASES, ids=lambda part: " ".join(part)[:40])
    def test_it_is_refused_with_a_hint(
        self, here: CommandLine, arguments: list[str], told: str
    ) -> None:
        done = here(*arguments)
        assert done.code == 2
        assert told in done.err
        assert done.out == ""
        assert "Traceback" not in done.err

    def test_no_command_at_all_is_answered_with_help(self, here: CommandLine) -> None:
        done = here()
        assert "Usage" in done.out + done.err
        assert done.code in (0, 2)  # click 8.2 changed it

    def test_our_own_refusals_say_what_to_edit(self, here: CommandLine) -> None:
        lines = here("compile", "--target", "kubeflw").err.splitlines()
        assert lines[0].startswith("error: --target: unknown target 'kubeflw'")
        assert lines[1:] == ["  edit: --target"]


class TestData:
    def test_the_second_export_finds_all_up_to_date(
        self, here: CommandLine, tmp_path: Path
    ) -> None:
        place = f"output.root={tmp_path}"
        first = here("data", *ONE_SPAN, "--set", place)
        (written,) = tmp_path.rglob("*.parquet")
        before = written.stat().st_mtime_ns
        second = here("data", *ONE_SPAN, "--set", place)
        third = here("data", *ONE_SPAN, "--set", place, "--json")
        assert [done.code for done in (first, second, third)] == [0, 0, 0]
        assert str(tmp_path) in first.out
        assert first.out != second.out
        report = json.loads(third.out)
        assert report["root"] == str(tmp_path / "data" / "tiny")
        assert (report["written"], report["up_to_date"]) == ([], [1])
        assert report["rows"]["1"] > 0
        assert written.stat().st_mtime_ns == before

    def test_json_is_all_that_is_printed(self, here: CommandLine, tmp_path: Path) -> None:
        done = here("data", *ONE_SPAN, "--set", f"output.root={tmp_path}", "--json")
        assert json.loads(done.out)["written"] == [1]
        assert done.err == ""

    OWN = ("data", "--config", TINY, "--set", "model.module=taxiway.registry")
    """Of a folder that exports nothing."""

    def test_files_of_ones_own_are_used_as_they_are(
        self, here: CommandLine, tmp_path: Path
    ) -> None:
        root = tmp_path / "my [data]"
        for span, name in ((1, "a"), (2, "a"), (3, "a"), (3, "b")):
            (root / f"span-{span}").mkdir(parents=True, exist_ok=True)
            (root / f"span-{span}" / f"{name}.parquet").write_text("mine")
        schema = REPOSITORY / "tests" / "tiny" / "schema.pbtxt"
        own = (*self.OWN, "--set", f"data.root='{root}'", "--set", f"data.schema_file={schema}")
        done = here(*own)
        assert (done.code, done.err) == (0, "")
        assert done.out == (
            f"tiny: 4 files in 3 spans below {root}, used as they are (taxiway.registry "
            "has no function `export`)\n"
        )
        files = {"1": 1, "2": 1, "3": 2}
        told = {"root": str(root), "files": files, "written": []}
        assert json.loads(here(*own, "--json").out) == told
        assert (root / "span-1" / "a.parquet").read_text() == "mine"

    def test_with_neither_files_nor_an_exporter_it_says_what_to_do(
        self, here: CommandLine, tmp_path: Path
    ) -> None:
        done = here(*self.OWN, "--set", f"output.root={tmp_path}")
        pattern = f"{tmp_path}/data/tiny/span-{{SPAN}}/*.parquet"
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            "error: taxiway.registry has no function `export`, and the data is not there to be "
            f"used: no span exists below {pattern}\n"
            f"  edit: bring files to {pattern} (data.root, data.pattern), or write "
            "`export(config, progress)` in taxiway/registry/export.py\n"
        )

    def test_an_exporter_that_does_not_import_is_not_taken_for_none(
        self, here: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "broken").mkdir()
        (tmp_path / "broken" / "__init__.py").touch()
        (tmp_path / "broken" / "export.py").write_text("import no_such_package\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        done = here("data", "--set", "model.module=broken", "--set", f"output.root={tmp_path}")
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            "error: model.module: broken.export does not import: ModuleNotFoundError: No module "
            "named 'no_such_package'\n  edit: model.module\n"
        )

    def test_a_place_that_cannot_be_written_is_a_failure(
        self, here: CommandLine, tmp_path: Path
    ) -> None:
        (tmp_path / "file").touch()
        done = here("data", *ONE_SPAN, "--set", f"data.root={tmp_path}/file/data")
        assert done.code in (1, 2)
        assert str(tmp_path / "file") in done.err
        assert "Traceback" not in done.err


@pytest.mark.pipeline
@pytest.mark.xdist_group("compile")
class TestCompile:
    """Needs no data, no Docker and no folder, and gives the same bytes each time."""

    @pytest.fixture(scope="class")
    def twice(self, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
        from taxiway.config.loader import load_config
        from taxiway.runners.targets import compile_to_file

        folder = tmp_path_factory.mktemp("compiled") / "new"
        paths = [folder / "1.json", folder / "2.json"]
        done = taxiway(
            *("compile", "--config", TINY, "--output", str(paths[0])),
            *("--set", "output.root=/nowhere/var"),
            env={"PYTHONHASHSEED": "1", "PATH": "", "DOCKER_HOST": "unix:///nowhere"},
        )
        assert (done.code, done.out) == (0, f"wrote {paths[0]}\n"), done.err
        compile_to_file(load_config([TINY], ["output.root=/nowhere/var"]), "ir", paths[1])
        return paths

    def test_it_is_the_same_in_every_process(self, twice: list[Path]) -> None:
        first, second = (path.read_text() for path in twice)
        assert first == second
        assert first == json.dumps(json.loads(first), indent=2, sort_keys=True) + "\n"

    def test_it_reads_back_as_tfxs_ir(self, twice: list[Path]) -> None:
        from google.protobuf import json_format
        from tfx.proto.orchestration import pipeline_pb2

        ir = json_format.Parse(twice[0].read_text(), pipeline_pb2.Pipeline())
        assert ir.pipeline_info.id == "tiny"
        assert {"Trainer", "DeployQueue"} <= {n.pipeline_node.node_info.id for n in ir.nodes}

    def test_nothing_else_is_left_behind(self, twice: list[Path]) -> None:
        assert sorted(path.name for path in twice[0].parent.iterdir()) == ["1.json", "2.json"]
        assert not Path("/nowhere").exists()

    def test_a_place_that_cannot_be_written_is_told_in_two_lines(
        self, here: CommandLine, tmp_path: Path
    ) -> None:
        (tmp_path / "file").touch()
        done = here("compile", "--config", TINY, "-o", str(tmp_path / "file" / "out.json"))
        assert done.code == 1
        assert done.err.splitlines()[-2:] == [
            f"error: cannot write {tmp_path}/file/out.json: File exists",
            "  edit: --output",
        ]

    def test_a_folder_is_no_file_to_write(self, here: CommandLine, tmp_path: Path) -> None:
        (tmp_path / "out.json").mkdir()
        done = here("compile", "--config", TINY, "-o", str(tmp_path / "out.json"))
        assert done.code == 1
        assert "out.json: Is a directory" in done.err
        assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
