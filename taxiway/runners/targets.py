"""Compiles a pipeline to a file; one function per target."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from taxiway.config.schema import Config
from taxiway.errors import TaxiwayError
from taxiway.process.extras import needs
from taxiway.process.lean_imports import lean_imports
from taxiway.runners.catalog import load_pipeline
from taxiway.runners.console.capture import captured_output
from taxiway.runners.preflight import check_model


def compile_to_file(config: Config, target: str, path: Path) -> None:
    """Writes the compiled pipeline, whole or not at all; `target` is a key of COMPILERS."""
    check_model(config)
    text = compiled(config, target)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise TaxiwayError(f"cannot write {path}: {error.strerror}", edit="--output") from None


def compiled(config: Config, target: str) -> str:
    """The compiled pipeline, without the greetings of TensorFlow on the terminal."""
    with tempfile.TemporaryDirectory() as folder, captured_output(Path(folder, "log")):
        return COMPILERS[target](config)


def to_ir(config: Config) -> str:
    """TFX's intermediate representation as JSON, with stable order of keys."""
    from google.protobuf import json_format

    with lean_imports():
        from taxiway.runners.nodes.ir import compile_pipeline

        create = load_pipeline(config)
    ir = compile_pipeline(create(config))
    return str(json_format.MessageToJson(ir, indent=2, sort_keys=True)) + "\n"


def to_kubeflow(config: Config) -> str:
    """YAML for Kubeflow Pipelines v2."""
    with lean_imports(), needs("kubeflow", "kfp", "compiling for Kubeflow"):
        from taxiway.runners.kubeflow import compile as kubeflow

    return kubeflow.to_kubeflow(config)


def to_vertex(config: Config) -> str:
    """A Vertex AI pipeline job as JSON."""
    with lean_imports():
        from taxiway.runners import vertex

    return vertex.to_vertex(config)


COMPILERS: Final[Mapping[str, Callable[[Config], str]]] = {
    "ir": to_ir,
    "kubeflow": to_kubeflow,
    "vertex": to_vertex,
}

OVERLAYS: Final[Mapping[str, Sequence[str]]] = {
    "ir": (),
    "kubeflow": ("kubeflow",),
    "vertex": ("vertex",),
}
"""What a target starts from where no --config is given."""
