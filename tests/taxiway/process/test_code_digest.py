"""Digests of code: they follow what a run would use, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from taxiway.process import code_digest as code
from taxiway.process.code_digest import Modules, files_digest, packages_digest

FILES = {
    "components/__init__.py": "",
    "components/a/executor.py": (
        "from __future__ import annotations\n"
        "import json\nimport taxiway.metadata.store as found\n"
        "from components.a import (\n    logic,  # a module, not a name\n    other as renamed,\n)\n"
        "def run():\n    from taxiway.workers.active import run\n"
        'COMMAND = ("-m", "taxiway.serving.worker")\n'
    ),
    "components/a/__init__.py": "",
    "components/a/logic.py": "",
    "components/a/other.py": "from taxiway.errors import ConfigError\n",
    "components/b/executor.py": "from components.a.other import x\n",
    "taxiway/errors.py": "",
    "taxiway/metadata/store.py": "",
    "taxiway/serving/worker/__main__.py": "",
    "taxiway/workers/active.py": "from components.a.executor import a_circle\n",
}
USED = sorted(set(FILES) - {"components/__init__.py", "components/b/executor.py"})


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(code, "_folder", lambda package: tmp_path / package)
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def edit(path: Path) -> None:
    path.write_text(f"{path.read_text()}# edited\n")


class TestModules:
    NAME = "components.a.executor"

    @pytest.mark.parametrize("name", USED)
    def test_an_edit_of_what_a_module_uses_is_seen(self, root: Path, name: str) -> None:
        before = Modules().digest(self.NAME)
        assert Modules().digest(self.NAME) == before
        edit(root / name)
        assert Modules().digest(self.NAME) != before

    @pytest.mark.parametrize("name", sorted(set(FILES) - set(USED)))
    def test_one_of_what_it_does_not_use_is_not(self, root: Path, name: str) -> None:
        before = Modules().digest(self.NAME)
        edit(root / name)
        assert Modules().digest(self.NAME) == before

    def test_another_version_of_a_library_is_seen(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = Modules().digest(self.NAME), Modules().digest("tfx.components.evaluator.executor")
        monkeypatch.setattr(code, "versions", lambda _: {"tensorflow": "3.0"})
        after = Modules().digest(self.NAME), Modules().digest("tfx.components.evaluator.executor")
        assert before[0] != after[0]
        assert before[1] != after[1]

    def test_the_worker_that_tries_a_model_is_code_of_the_infra_validator(self) -> None:
        """It is run as a program."""
        modules = Modules()
        modules.digest("components.infra_validator.component")
        assert modules._sources("taxiway.serving.worker")
        assert "taxiway.serving.worker" in modules._found


def test_a_models_code_may_read_any_file_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "features.py").write_text("x = 1")
    (tmp_path / "words.txt").write_text("one\n")
    before = files_digest(tmp_path)
    for name in ("README.md", "look.ipynb", ".hidden", "__pycache__/features.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("not read")
    assert files_digest(tmp_path) == before
    edit(tmp_path / "words.txt")
    assert files_digest(tmp_path) != before


def test_a_config_file_is_no_code(root: Path) -> None:
    before = packages_digest()
    (root / "taxiway" / "mine.yaml").write_text("a: 1\n")
    assert packages_digest() == before
    edit(root / "taxiway" / "workers" / "active.py")
    assert packages_digest() != before
