"""A model worker answers, stays in its bounds, and ends when it should."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.process.manifest import MANIFEST_FILE, manifest_text
from taxiway.serving.worker.__main__ import for_want_of_memory
from taxiway.serving.worker.client import ModelWorker
from taxiway.serving.worker.errors import WorkerError
from taxiway.serving.worker.protocol import receive_frame, send_frame
from tests.conftest import MEASURED

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("model_worker")]

REPOSITORY = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel that does what its first row says: answer, fail, never end, or eat memory."""
    import tensorflow as tf

    class Tiny(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def examples(self, examples: Any) -> dict[str, Any]:
            order = examples[0]
            tf.debugging.assert_none_equal(order, "fail", message="told to fail")
            size = tf.where(order == "eat", tf.constant(2**31, tf.int64), 1)
            eaten = tf.reduce_sum(tf.random.uniform([size]))
            turns = tf.constant(0, tf.int64)
            while order == "forever" and turns >= 0:
                turns += 1
            # minimum, and not a product with 0, which TensorFlow would see through
            nothing = tf.minimum(tf.cast(turns, tf.float32) + eaten, 0.0)
            length = tf.cast(tf.strings.length(examples), tf.float32)
            return {"probability": length / 10 + nothing}

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.string, name="origin"),
                tf.TensorSpec([None], tf.float32, name="distance"),
                tf.TensorSpec([None, 1], tf.int64, name="hour"),
            ]
        )
        def columns(self, origin: Any, distance: Any, hour: Any) -> dict[str, Any]:
            return {"origin": origin, "distance": distance, "hour": hour}

    folder = tmp_path_factory.mktemp("tiny")
    tiny = Tiny()
    signatures = {"serving_default": tiny.examples, "serving_columns": tiny.columns}
    tf.saved_model.save(tiny, str(folder), signatures=signatures)
    return folder


@pytest.fixture(scope="module")
def shared(model: Path) -> Iterator[ModelWorker]:
    """A worker for tests that leave it running."""
    with ModelWorker(model, memory_limit_mb=1024) as worker:
        yield worker


def test_a_pushed_model_that_is_not_as_its_manifest_says_is_not_loaded(
    model: Path, tmp_path: Path
) -> None:
    pushed = tmp_path / "pushed"
    shutil.copytree(model, pushed)
    sums = {
        path.relative_to(pushed).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in pushed.rglob("*")
        if path.is_file()
    }
    (pushed / MANIFEST_FILE).write_text(manifest_text(sums | {"saved_model.pb": "0" * 64}))
    with pytest.raises(WorkerError) as refused, ModelWorker(pushed, memory_limit_mb=1024):
        pass
    manifest = pushed / MANIFEST_FILE
    assert f"{pushed}: 'saved_model.pb' has changed (manifest: {manifest})" in str(refused.value)
    manifest.write_text(manifest_text(sums))
    with ModelWorker(pushed, memory_limit_mb=1024) as worker:
        assert list(worker.predict_examples([b"four"])) == ["probability"]


def test_serialized_examples_are_answered_by_output_name(shared: ModelWorker) -> None:
    outputs = shared.predict_examples([b"four", b""])
    assert list(outputs) == ["probability"]
    np.testing.assert_allclose(outputs["probability"], [0.4, 0.0])


def test_columns_are_answered_and_missing_values_filled(shared: ModelWorker) -> None:
    outputs = shared.predict_columns({"hour": [7, 23], "distance": [None, 100]})
    np.testing.assert_array_equal(outputs["distance"], [np.nan, 100.0])
    assert outputs["origin"].tolist() == [b"", b""]
    assert outputs["hour"].tolist() == [[7], [23]]


def test_columns_may_be_numpy_arrays(shared: ModelWorker) -> None:
    outputs = shared.predict_columns({"hour": np.array([7]), "origin": np.array(["JFK"])})
    assert outputs["origin"].tolist() == [b"JFK"]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"hour": [1], "orign": ["JFK"]}, "unknown column 'orign'; did you mean 'origin'?"),
        ({"hour": [1], "distance": ["far"]}, "column 'distance' .*'far', expected a number"),
        ({"hour": [1], "origin": [5]}, "column 'origin' .*5, expected a string"),
        ({"hour": [1.5]}, "column 'hour' .*expected a whole number"),
        ({"distance": [1.5]}, "column 'hour' .*missing"),
        ({"hour": [1, 2], "origin": ["JFK"]}, "different lengths"),
        ({}, "no column was given"),
        ({"hour": [object()]}, "cannot be sent"),
    ],
)
def test_a_request_the_model_cannot_take_says_what_is_wrong(
    shared: ModelWorker, columns: dict[str, list[Any]], told: str
) -> None:
    with pytest.raises(WorkerError, match=told) as caught:
        shared.predict_columns(columns)
    assert caught.value.reason == "bad_request"
    assert shared.predict_examples([b"a"])["probability"].shape == (1,)


def test_an_error_of_the_model_is_one_line_and_the_worker_goes_on(shared: ModelWorker) -> None:
    with pytest.raises(WorkerError, match=r"InvalidArgumentError: .*told to fail") as caught:
        shared.predict_examples([b"fail"])
    assert caught.value.reason == "model_error"
    assert "\n" not in caught.value.message
    assert "Traceback" not in caught.value.message
    assert shared.predict_examples([b"a"])["probability"].shape == (1,)


def test_several_threads_may_share_a_worker(shared: ModelWorker) -> None:
    answers: dict[int, float] = {}

    def ask(length: int) -> None:
        for _ in range(20):
            answers[length] = float(shared.predict_examples([b"x" * length])["probability"][0])

    threads = [threading.Thread(target=ask, args=(length,)) for length in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == pytest.approx({length: length / 10 for length in range(5)})


def test_another_client_that_sends_nonsense_disturbs_no_one(shared: ModelWorker) -> None:
    path = Path(f"/proc/{shared.pid}/cwd/worker.sock").resolve()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.connect(str(path))
        send_frame(other, {"ask": "exit"})
        frame = receive_frame(other)
        assert frame is not None
        assert frame[0]["type"] == "RequestError"
        other.sendall(b"\xff" * 12)
        frame = receive_frame(other)
        assert frame is not None
        assert frame[0]["type"] == "ProtocolError"
        assert receive_frame(other) is None
    assert shared.predict_examples([b"a"])["probability"].shape == (1,)


def test_only_this_user_can_reach_the_socket(shared: ModelWorker) -> None:
    folder = Path(f"/proc/{shared.pid}/cwd").resolve()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "worker.sock").stat().st_mode & 0o777 == 0o600


def test_no_tcp_or_udp_socket_is_open(shared: ModelWorker) -> None:
    links = (str(link.readlink()) for link in Path(f"/proc/{shared.pid}/fd").iterdir())
    ours = {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}
    assert ours, "the unix socket at least"
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        table = Path(f"/proc/{shared.pid}/net/{kind}")
        lines = table.read_text().splitlines()[1:] if table.exists() else []
        assert not ours & {line.split()[9] for line in lines}


def test_the_worker_tells_what_isolation_holds(shared: ModelWorker) -> None:
    assert shared.missing == {}
    assert shared.isolation == (
        "network: none, files: the model's own, privileges: none, system calls: filtered, "
        "memory: 1024 MB"
    )


def test_the_kernel_says_the_same_of_its_privileges(shared: ModelWorker) -> None:
    lines = Path(f"/proc/{shared.pid}/status").read_text().splitlines()
    status = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    sets = {name: value for name, value in status.items() if name.startswith("Cap")}
    if os.geteuid() != 0:  # who has no rights may not drop what bounds them
        del sets["CapBnd"]
    assert set(sets.values()) == {"0" * 16}


def test_resources_are_bounded(shared: ModelWorker) -> None:
    limits = Path(f"/proc/{shared.pid}/limits").read_text()
    bounds = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()}
    assert bounds["Max data size"] == [str(1024 * 2**20)] * 2
    assert bounds["Max core file size"] == ["0", "0"]
    assert int(bounds["Max open files"][1]) <= 1024


def test_no_secret_of_the_parent_is_in_its_environment(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_SECRET", "hunter2")
    with ModelWorker(model) as worker:
        environment = Path(f"/proc/{worker.pid}/environ").read_bytes()
        assert b"hunter2" not in environment
        assert worker.isolation.endswith("memory: unlimited")


def test_a_request_that_takes_too_long_ends_the_worker(model: Path) -> None:
    with ModelWorker(model, request_timeout_seconds=0.5) as worker:
        pid = worker.pid
        with pytest.raises(WorkerError, match=r"no answer within 0\.5 s") as caught:
            worker.predict_examples([b"forever"])
        assert caught.value.reason == "timeout"
        assert is_gone(pid)
        with pytest.raises(WorkerError) as caught:
            worker.predict_examples([b"a"])
        assert caught.value.reason == "closed"


def test_a_worker_killed_in_the_middle_of_a_request_is_told_of(model: Path) -> None:
    with ModelWorker(model, request_timeout_seconds=60) as worker:
        pid = worker.pid
        assert pid is not None
        busy_before = processor_ticks(pid)
        errors: list[WorkerError] = []

        def ask() -> None:
            try:
                worker.predict_examples([b"forever"])
            except WorkerError as error:
                errors.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        wait_until(lambda: processor_ticks(pid) > busy_before + 10)
        os.kill(pid, signal.SIGKILL)
        asking.join(30)
        assert [error.reason for error in errors] == ["crashed"]
        assert "SIGKILL" in errors[0].message


def test_a_model_that_wants_too_much_memory_takes_nothing_down_with_it(model: Path) -> None:
    # TensorFlow waits 10 s for memory to become free before it gives up
    with ModelWorker(model, memory_limit_mb=1024, request_timeout_seconds=60) as worker:
        with pytest.raises(WorkerError, match=r"OOM|memory limit is 1024 MB") as caught:
            worker.predict_examples([b"eat"])
        assert caught.value.reason in {"model_error", "crashed"}


def test_a_memory_limit_too_small_for_tensorflow_is_said_to_be_so(model: Path) -> None:
    with (
        pytest.raises(WorkerError, match=r"memory limit") as caught,
        ModelWorker(model, memory_limit_mb=256),
    ):
        pass
    assert caught.value.reason == "load_failed"


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "limited", "want"),
    [
        (MemoryError(), False, True),
        (SystemError("error return without exception set"), True, True),
        (SystemError("a bug of a C module"), False, False),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True, True),
        (OSError(errno.ENOENT, "No such file"), True, False),
        (ImportError("libtf.so: failed to map segment from shared object"), True, True),
        (ImportError("no module named x"), True, False),
        (caused(ValueError("no graph"), MemoryError()), True, True),
        (ValueError("no graph"), True, False),
    ],
)
def test_want_of_memory_is_known_however_it_comes_to_light(
    error: Exception, limited: bool, want: bool
) -> None:
    assert for_want_of_memory(error, limited=limited) is want


def test_a_folder_that_is_no_savedmodel_does_not_load(tmp_path: Path) -> None:
    with (
        pytest.raises(
            WorkerError,
            match=r"does not load: ModelRefused: .*saved_model.pb cannot be read: No such file",
        ) as caught,
        ModelWorker(tmp_path),
    ):
        pass
    assert caught.value.reason == "load_failed"


def test_a_broken_savedmodel_does_not_load(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"nonsense")
    with pytest.raises(WorkerError, match="does not load") as caught, ModelWorker(tmp_path):
        pass
    assert "\n" not in caught.value.message


def test_a_signature_the_model_lacks_is_named_with_those_it_has(model: Path) -> None:
    with (
        pytest.raises(WorkerError, match=r"no signature 'predict', only .*serving_default"),
        ModelWorker(model, signature="predict"),
    ):
        pass


def test_a_model_that_loads_too_slowly_is_given_up(model: Path) -> None:
    worker = ModelWorker(model, load_timeout_seconds=0.2)
    with pytest.raises(WorkerError, match=r"did not load within 0\.2 s") as caught, worker:
        pass
    assert caught.value.reason == "load_timeout"
    assert worker.pid is None


def test_closing_ends_the_process_and_removes_its_folder(model: Path) -> None:
    with ModelWorker(model) as worker:
        pid = worker.pid
        folder = Path(f"/proc/{pid}/cwd").resolve()
    assert is_gone(pid)
    assert not folder.exists()
    worker.close()


def test_a_worker_ends_with_a_parent_that_was_killed(model: Path) -> None:
    program = (
        "import sys\n"
        "from taxiway.serving.worker.client import ModelWorker\n"
        "with ModelWorker(sys.argv[1]) as worker:\n"
        "    print(worker.pid, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(model)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    with parent.stdin, parent.stdout:
        pid = int(parent.stdout.readline())
        assert not is_gone(pid)
        folder = Path(f"/proc/{pid}/cwd").resolve()
        parent.kill()
        parent.wait()
    wait_until(lambda: is_gone(pid))
    wait_until(lambda: not folder.exists())


def test_the_client_does_not_import_tensorflow() -> None:
    program = "import taxiway.serving.worker.client, sys; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True)


def once(
    model: Path, text: str, stdin: str = "", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "taxiway.serving.worker", "--model", str(model), "--once", text]
    return subprocess.run(
        line,
        input=stdin,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
    )


def test_once_prints_predictions_as_json(model: Path) -> None:
    done = once(model, '{"origin": "JFK", "hour": [7]}', env=MEASURED)
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"origin": ["JFK"], "distance": [None], "hour": [[7]]}


def test_once_reads_standard_input(model: Path) -> None:
    done = once(model, "-", '{"origin": ["JFK", "EWR"], "hour": [7, 8]}')
    assert json.loads(done.stdout)["origin"] == ["JFK", "EWR"]


def test_once_reads_a_file(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a request.json").write_text('{"origin": ["LGÅ"], "hour": [7]}')
    done = once(model, f"@{tmp_path}/a request.json")
    assert json.loads(done.stdout)["origin"] == ["LGÅ"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("@/never", "No such file"),
        ("[1]", "JSON object"),
        ("{", "JSONDecodeError"),
        ('{"houre": 7}', "hour"),
    ],
)
def test_once_fails_with_one_clear_line(model: Path, text: str, told: str) -> None:
    done = once(model, text)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


def is_gone(pid: int | None) -> bool:
    """Whether a process has ended; one that no one has waited for has ended too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def processor_ticks(pid: int) -> int:
    """Processor time a process has used, in clock ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def wait_until(happened: Callable[[], bool], seconds: float = 30.0) -> None:
    """Looks again and again, and gives up after a while."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
