"""Runs the training pipeline's stock executors on any Beam; as a program, through a job server.

As a program it is to be run in a network of its own (see test_portable_beam.py): it starts a job
server and a pool of external workers there, which listen on all interfaces.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.conftest import TINY
from tests.tied import tied

ROOT = Path(__file__).parents[3]
IMPORTABLE = Path(__file__).parent
"""Of two_analyzers.py; a worker that is asked for `tests` may find those of a library."""
STEPS = ("StatisticsGen", "Transform", "Evaluator")
JOBS, POOL = 50051, 50052
EVAL_CONFIG = """
model_specs { label_key: "label" signature_name: "serving_default" }
slicing_specs {} slicing_specs { feature_keys: "text" }
metrics_specs {
  metrics { class_name: "ExampleCount" }
  metrics {
    class_name: "BinaryAccuracy" threshold { value_threshold { lower_bound { value: 0.1 } } }
  }
}
"""


def run_stock(folder: Path, inputs: Path, assignments: Sequence[str]) -> None:
    """Writes what each step's stock executor makes of `inputs` to `folder/<step>/<output>`.

    Args:
      folder: to be made.
      inputs: with the folders `examples`, `schema` and `model`.
      assignments: which Beam, as `--set` takes them.
    """
    from tests.taxiway.arrow.conftest import run

    sys.path.append(str(IMPORTABLE))
    made = _pipeline(["engine.default=beam", *assignments])
    artifacts = _artifacts(inputs)
    for step in STEPS:
        (component,) = [each for each in made.components if each.id == step]
        taken, wanted, changed = _wiring(step)
        properties = {**component.exec_properties, **changed}
        run(
            component.executor_spec.executor_class,
            folder / step,
            {name: [artifacts[name]] for name in taken},
            wanted,
            properties,
            made.beam_pipeline_args,
        )


def _pipeline(assignments: Sequence[str]) -> Any:
    from pipelines.training import create_pipeline
    from taxiway.config.loader import load_config

    return create_pipeline(load_config([TINY], list(assignments)))


def _artifacts(inputs: Path) -> dict[str, Any]:
    from tfx.components.util import examples_utils
    from tfx.proto import example_gen_pb2
    from tfx.types import artifact_utils, standard_artifacts

    examples = standard_artifacts.Examples()
    examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
    found = {
        "examples": examples,
        "schema": standard_artifacts.Schema(),
        "model": standard_artifacts.Model(),
    }
    for name, artifact in found.items():
        artifact.uri = str(inputs / name)
    return found


def _wiring(step: str) -> tuple[tuple[str, ...], dict[str, type], dict[str, Any]]:
    """Inputs, outputs, and the parameters that are those of the inputs and not of the model."""
    from google.protobuf import text_format
    from tensorflow_model_analysis.proto import config_pb2
    from tfx.types import standard_artifacts as kinds
    from tfx.utils import proto_utils

    config = text_format.Parse(EVAL_CONFIG, config_pb2.EvalConfig())
    return {
        "StatisticsGen": (("examples",), {"statistics": kinds.ExampleStatistics}, {}),
        "Transform": (
            ("examples", "schema"),
            {"transform_graph": kinds.TransformGraph, "transformed_examples": kinds.Examples},
            {
                "preprocessing_fn": "two_analyzers.preprocessing_fn",
                "custom_config": "null",
            },
        ),
        "Evaluator": (
            ("examples", "model"),
            {"evaluation": kinds.ModelEvaluation, "blessing": kinds.ModelBlessing},
            {"eval_config": proto_utils.proto_to_json(config)},
        ),
    }[step]


@contextlib.contextmanager
def _served(folder: Path, flink_jar: str = "") -> Iterator[list[str]]:
    """Starts job server and pool; gives the config's assignments for them."""
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    importable = os.pathsep.join([str(ROOT), str(IMPORTABLE)])
    env = {**os.environ, "PYTHONPATH": importable, "PATH": paths}  # the pool starts `python`
    python, beam = [sys.executable, "-m"], "apache_beam.runners"
    commands = {
        "jobs": [*python, f"{beam}.portability.local_job_service_main", f"--port={JOBS}"],
        "pool": [*python, f"{beam}.worker.worker_pool_main", f"--service_port={POOL}"],
    }
    if flink_jar:
        ports = ["--job-port", str(JOBS), "--artifact-port", "0", "--expansion-port", "0"]
        places = ["--flink-master", "[local]", "--artifacts-dir", str(folder / "staged")]
        commands["jobs"] = ["java", "-jar", flink_jar, *places, *ports]
    started = []
    try:
        for name, command in commands.items():
            with (folder / f"{name}.log").open("w") as log:
                started.append(subprocess.Popen(tied(*command), env=env, stdout=log, stderr=log))
        for port in (JOBS, POOL):
            _wait_for(port)
        yield [
            "beam.kind=portable",
            f"beam.job_endpoint=localhost:{JOBS}",
            f"beam.environment={{kind: external, address: 'localhost:{POOL}'}}",
        ]
    finally:
        for process in started:
            process.send_signal(signal.SIGINT)  # the pool ends its workers then
        for process in started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for(port: int, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("localhost", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def alone() -> bool:
    """Whether this network has nothing but a loopback that is up."""
    return [name for _, name in socket.if_nameindex() if _flags(name) & 1] == ["lo"]


def _raise_loopback() -> None:
    """`ip link set lo up`, where iproute2 may not be installed."""
    if not _flags("lo") & 1:
        with socket.socket() as any_socket:
            request = struct.pack("16sh14x", b"lo", _flags("lo") | 1)
            fcntl.ioctl(any_socket, 0x8914, request)  # SIOCSIFFLAGS


def _flags(interface: str) -> int:
    with socket.socket() as any_socket:
        request = struct.pack("16sh14x", interface.encode(), 0)
        answer = fcntl.ioctl(any_socket, 0x8913, request)  # SIOCGIFFLAGS
    return int(struct.unpack("16sh14x", answer)[1])


if __name__ == "__main__":
    _raise_loopback()
    assert alone(), "not in a network of its own"
    target, source = map(Path, sys.argv[1:3])
    with _served(target, *sys.argv[3:]) as assignments:
        run_stock(target, source, assignments)
