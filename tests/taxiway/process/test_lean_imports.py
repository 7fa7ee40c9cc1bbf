"""What TFX imports and no step uses stays out, and is there for whoever does use it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from taxiway.process.lean_imports import DEFERRED, OPTIONAL, lean_imports
from tests.conftest import REPOSITORY

ALL = (*OPTIONAL, *DEFERRED)


def said_by(program: str) -> list[str]:
    """The last line that a fresh interpreter prints, in words."""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()[-1].split()


@pytest.mark.pipeline
@pytest.mark.parametrize(
    "started",
    [
        "import taxiway.runners.kubeflow.task.attempt, pipelines.training",
        "import taxiway.process.preload",
    ],
)
def test_no_process_of_a_run_imports_them(started: str) -> None:
    loaded = f"print('loaded', *[n for n in {ALL} if n in sys.modules])"
    assert said_by(f"import sys; {started}; assert 'tensorflow' in sys.modules; {loaded}") == [
        "loaded"
    ]


@pytest.mark.pipeline
def test_tfx_finds_them_when_it_does_use_them() -> None:
    used = said_by("""
from taxiway.process.lean_imports import lean_imports
with lean_imports():
    import tfx.components
    import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import bleu, rouge
from tfx.components.infra_validator.model_server_runners import kubernetes_runner
print(
    rouge.nltk.word_tokenize.__name__,
    rouge.rouge_scorer.RougeScorer(["rouge1"]).score("a flight", "a flight")["rouge1"].fmeasure,
    bleu.sacrebleu.BLEU().corpus_score(["one two three four"], [["one two three four"]]).score > 99,
    kubernetes_runner.k8s_client.V1Pod(kind="Pod").kind,
    issubclass(kubernetes_runner.rest.ApiException, Exception),
    tfma.load_eval_result.__name__,
    tfma.view.widget_view.visualization.render_slicing_metrics.__name__,
)
""")
    assert used == [
        *("word_tokenize", "1.0", "True", "Pod", "True"),
        *("load_eval_result", "render_slicing_metrics"),
    ]


class TestAPackageOfOnesOwn:
    """With packages that no one else imports, in the place of the real ones."""

    @pytest.fixture(autouse=True)
    def _package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        folder = tmp_path / "rarely"
        folder.mkdir()
        (folder / "__init__.py").write_text("SIZE = 3\n")
        (folder / "part.py").write_text("def double(number):\n    return 2 * number\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setattr("taxiway.process.lean_imports.DEFERRED", ("rarely",))
        monkeypatch.setattr(
            "taxiway.process.lean_imports.OPTIONAL", ("rarely_too", "rarely_either")
        )
        for name in ("rarely_too", "rarely_either"):
            (tmp_path / f"{name}.py").write_text("SIZE = 4\n")
        yield
        for name in [name for name in sys.modules if name.startswith("rarely")]:
            del sys.modules[name]

    def test_is_imported_at_its_first_use(self) -> None:
        with lean_imports():
            rarely = importlib.import_module("rarely")
            part = importlib.import_module("rarely.part")
            assert rarely.SIZE is not None  # such as in an annotation
        assert "rarely" not in sys.modules
        assert part.double(4) == 8
        assert rarely.SIZE == 3
        assert importlib.import_module("rarely").SIZE == 3

    def test_what_was_taken_from_it_too_early_can_still_be_called(self) -> None:
        with lean_imports():
            double = importlib.import_module("rarely.part").double
        assert double(4) == 8

    def test_says_what_it_does_not_have(self) -> None:
        with lean_imports():
            rarely = importlib.import_module("rarely")
        with pytest.raises(AttributeError, match="no attribute 'colour'"):
            _ = rarely.colour

    def test_is_left_alone_where_it_is_imported_already(self) -> None:
        before = importlib.import_module("rarely"), importlib.import_module("rarely_too")
        with lean_imports():
            now = importlib.import_module("rarely"), importlib.import_module("rarely_too")
        assert now == before

    def test_that_is_optional_is_there_where_another_is(self) -> None:
        importlib.import_module("rarely_too")
        with lean_imports():
            assert importlib.import_module("rarely_either").SIZE == 4

    def test_that_is_optional_is_missing_only_meanwhile(self) -> None:
        with pytest.raises(ModuleNotFoundError), lean_imports():
            importlib.import_module("rarely_too")
        assert find_spec("rarely_too") is not None
        assert importlib.import_module("rarely_too").SIZE == 4
