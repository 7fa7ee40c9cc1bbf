"""A hostile model gets nowhere: it is refused by the list, and the sandbox would hold it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from taxiway.serving.worker.client import ModelWorker
from taxiway.serving.worker.errors import WorkerError
from tests.conftest import REPOSITORY

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("model_worker")]

SECRET = "hunter2-of-the-parent"


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", program, *arguments]
    return subprocess.run(line, capture_output=True, text=True, cwd=REPOSITORY)


ATTEMPTS = """
import ctypes, errno, mmap, os, signal, socket, subprocess, sys, threading
from pathlib import Path
from taxiway.serving.worker import sandbox

mine, temporary, parent = Path(sys.argv[1]), Path(sys.argv[2]), os.getppid()
machine = os.uname().machine
sandbox.limit_resources(None)
missing = sandbox.close(mine, temporary)
assert not missing, missing

def call(number, *arguments):
    system = ctypes.CDLL(None, use_errno=True)
    if system.syscall(number, *map(ctypes.c_long, arguments)) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

attempts = {
    "read a file": lambda: open("/etc/passwd"),
    "list a folder": lambda: os.listdir("/"),
    "list the repository": lambda: os.listdir("."),
    "read the parent's environment": lambda: open(f"/proc/{parent}/environ", "rb").read(),
    "read the parent's memory": lambda: open(f"/proc/{parent}/mem", "rb"),
    "write the model": lambda: open(mine / "new", "w"),
    "write beside the temporary folder": lambda: open(temporary.parent / "new", "w"),
    "make a folder": lambda: os.mkdir(temporary.parent / "new"),
    "remove a file": lambda: os.remove(mine / "kept"),
    "rename a file": lambda: os.rename(mine / "kept", mine / "moved"),
    "cut a file": lambda: os.truncate(mine / "kept", 0),
    "link a file": lambda: os.link(mine / "kept", temporary / "kept"),
    "change rights": lambda: os.chmod(mine / "kept", 0o777),
    "change times": lambda: os.utime(mine / "kept", (0, 0)),
    "start a program": lambda: subprocess.run(["/bin/true"]),
    "fork": os.fork,
    "signal the parent": lambda: os.kill(parent, 0),
    "signal all": lambda: os.kill(-1, signal.SIGKILL),
    "make a TCP socket": lambda: socket.socket(),
    "make a unix socket": lambda: socket.socket(socket.AF_UNIX),
    "trace the parent": lambda: call({"x86_64": 101, "aarch64": 117}[machine], 16, parent),
    "use io_uring": lambda: call(425, 8, 0),
    "make a namespace": lambda: call({"x86_64": 272, "aarch64": 97}[machine], 0x10000000),
    "limit the parent": lambda: __import__("resource").prlimit(parent, 4, (0, 0)),
}
for name, attempt in attempts.items():
    try:
        attempt()
    except OSError as error:
        assert error.errno in (errno.EPERM, errno.EACCES, errno.EXDEV), (name, error)
    else:
        print("could", name)

(mine / "kept").read_text()
(temporary / "own").write_text("x")
(temporary / "own").unlink()
thread = threading.Thread(target=lambda: os.kill(os.getpid(), 0))
thread.start(); thread.join()
mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)  # compilers do
print("done")
"""


def test_a_closed_process_can_do_nothing_but_compute(tmp_path: Path) -> None:
    mine, temporary = tmp_path / "model", tmp_path / "own/temporary"
    mine.mkdir()
    temporary.mkdir(parents=True)
    (mine / "kept").write_text("kept")
    done = run(ATTEMPTS, str(mine), str(temporary))
    assert done.stdout == "done\n", done.stdout + done.stderr
    assert (mine / "kept").read_text() == "kept"


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6, 7])
def test_files_are_closed_by_each_version_of_landlock(tmp_path: Path, version: int) -> None:
    program = """
import sys
from pathlib import Path
from taxiway.serving.worker import landlock, sandbox
if landlock.abi() < int(sys.argv[2]):
    sys.exit(77)
sandbox._keep_no_privileges()
landlock.keep_only([Path(sys.argv[1])], [], int(sys.argv[2]))
Path(sys.argv[1], "mine").read_text()
try:
    open("/etc/passwd")
except PermissionError:
    print("closed")
"""
    (tmp_path / "mine").touch()
    done = run(program, str(tmp_path), str(version))
    if done.returncode == 77:
        pytest.skip(f"this kernel knows less than version {version}")
    assert done.stdout == "closed\n", done.stderr


def test_computing_without_an_answer_has_an_end() -> None:
    program = """
import time
from taxiway.serving.worker.sandbox import allow_processor_time
for _ in range(3):  # each within its time, all together beyond it
    allow_processor_time(1.0)
    until = time.process_time() + 0.6
    while time.process_time() < until:
        pass
print("answered", flush=True)
allow_processor_time(0.0)
while True:
    pass
"""
    done = run(program)
    assert done.stdout == "answered\n", done.stderr
    assert done.returncode == -signal.SIGXCPU


Attempt = Callable[[Any], Any]


def reads(path: str) -> Attempt:
    import tensorflow as tf

    return lambda _: tf.io.read_file(path)


def writes(path: str) -> Attempt:
    import tensorflow as tf

    return lambda _: tf.io.write_file(path, '{"ready": true, "missing": {}}\n')


def test_a_model_that_reads_is_refused_and_would_be_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.taxiway.modeling.exported.hostile import save_answering

    monkeypatch.setenv("WEBHOOK_URL", SECRET)
    (tmp_path / "beside").write_text("beside the model")
    model = save_answering(tmp_path / "model", lambda examples: reads(examples[0])(0))  # type: ignore[arg-type]  # a tensor of text
    with (
        pytest.raises(WorkerError, match=r"ModelRefused: .* has the operation ReadFile"),
        ModelWorker(model),
    ):
        pass
    # whose environment still has the secret: that of a process started with it
    holder = subprocess.Popen(
        [sys.executable, "-c", "print('started', flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"started\n"
        assert SECRET.encode() in Path(f"/proc/{holder.pid}/environ").read_bytes()
        with ModelWorker(model, allowed_operations=["ReadFile"]) as worker:
            for path in (
                f"/proc/{os.getpid()}/environ",
                f"/proc/{holder.pid}/environ",
                "/etc/passwd",
                str(REPOSITORY / "pyproject.toml"),
                str(tmp_path / "beside"),
            ):
                with pytest.raises(WorkerError, match="PermissionDeniedError") as caught:
                    worker.predict_examples([path.encode()])
                assert caught.value.reason == "model_error"
            (own,) = worker.predict_examples([b"/proc/self/environ"])["stolen"].tolist()
            assert SECRET.encode() not in own
            graph = str(model / "saved_model.pb").encode()
            assert worker.predict_examples([graph])["stolen"].tolist() == [
                (model / "saved_model.pb").read_bytes()
            ]
    finally:
        holder.communicate(b"\n")


def test_a_model_that_writes_is_refused_and_would_be_held(tmp_path: Path) -> None:
    from tests.taxiway.modeling.exported.hostile import save, save_that_loads

    above_all = tmp_path / "serving/9999999999/saved_model.pb"
    at_request = save(tmp_path / "request", writes(str(above_all)))
    at_loading = save_that_loads(tmp_path / "loading", writes(str(above_all)))
    for model in (at_request, at_loading):
        with (
            pytest.raises(WorkerError, match=r"ModelRefused: .* has the operation WriteFile"),
            ModelWorker(model),
        ):
            pass
    with (
        ModelWorker(at_request, allowed_operations=["WriteFile"]) as worker,
        pytest.raises(WorkerError, match="PermissionDeniedError"),
    ):
        worker.predict_examples([b""])
    with (
        pytest.raises(WorkerError, match="does not load: PermissionDeniedError") as caught,
        ModelWorker(at_loading, allowed_operations=["WriteFile"]),
    ):
        pass
    assert caught.value.reason == "load_failed"
    assert not (tmp_path / "serving").exists()


def test_what_a_model_writes_to_its_open_files_is_not_taken_for_the_workers_word(
    tmp_path: Path,
) -> None:
    from tests.taxiway.modeling.exported.hostile import save_that_loads

    for descriptor in ("3", "4"):  # what it has beside the standard ones
        forged = save_that_loads(tmp_path / descriptor, writes(f"/proc/self/fd/{descriptor}"))
        with (
            pytest.raises(WorkerError, match=r"does not load: .*Error: /proc/self/fd") as caught,
            ModelWorker(forged, allowed_operations=["WriteFile"]),
        ):
            pass
        assert caught.value.reason == "load_failed"


class Told(ModelWorker):
    """Starts a process that tells these lines instead of a worker."""

    def __init__(self, *lines: str, isolation: Any = "best_effort", end: bool = True) -> None:
        super().__init__("/a/model", isolation=isolation)
        self.lines, self.ends = lines, end

    def _command(self, _: Path) -> list[str]:
        program = (
            "import os, sys\n"
            "for line in sys.argv[2:]:\n"
            "    print(line.replace('PID', str(os.getpid())), flush=True)\n"
            "sys.argv[1] == 'True' or sys.stdin.read()"
        )
        return [sys.executable, "-c", program, str(self.ends), *self.lines]


WHOLE = '{"pid": PID, "missing": {}}'
READY = '{"ready": true, "load_seconds": 0.5, "signatures": {}, "ranks": {}, "classes": {}}'
EXPECTED = "expected whether the model is ready"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["nonsense"], f"""/a/model does not load: the worker told "b'nonsense'", {EXPECTED}"""),
        (["[1]"], f"/a/model does not load: the worker told '[1]', {EXPECTED}"),
        (
            ['{"pid": "1"}'],
            f"""/a/model does not load: the worker told "{{'pid': '1'}}", {EXPECTED}""",
        ),
        ([WHOLE, "{}"], f"/a/model does not load: the worker told '{{}}', {EXPECTED}"),
        (
            [WHOLE, '{"ready": 1}'],
            f"""/a/model does not load: the worker told "{{'ready': 1}}", {EXPECTED}""",
        ),
        ([WHOLE], "the model worker ended while loading the model (exit code 0)"),
        ([WHOLE, READY], "the model worker ended while loading the model (exit code 0)"),
        (
            [WHOLE, '{"error": "too deep", "type": "RecursionError"}'],
            "/a/model does not load: RecursionError: too deep",
        ),
    ],
)
def test_lines_that_are_not_a_workers_are_told_of(lines: Sequence[str], told: str) -> None:
    with pytest.raises(WorkerError) as caught, Told(*lines):
        pass
    assert caught.value.message == told
    assert caught.value.reason == "load_failed"


def test_a_line_without_an_end_is_not_read_for_ever() -> None:
    from taxiway.serving.worker.process import MOST_LINE_BYTES

    class Endless(Told):
        def _command(self, _: Path) -> list[str]:
            program = f"print('x' * {MOST_LINE_BYTES + 10**6}, end='', flush=True)\ninput()"
            return [sys.executable, "-c", program]

    with pytest.raises(WorkerError, match="does not load: the worker told") as caught, Endless():
        pass
    assert len(caught.value.message) < 300


def test_a_claim_to_be_isolated_is_compared_with_what_the_kernel_says() -> None:
    from taxiway.serving.worker.isolation import _EXPECTED, verified

    lines = (line.partition(":") for line in Path("/proc/self/status").read_text().splitlines())
    status = {name: value.strip() for name, _, value in lines}
    loose = {  # in a container there may be nothing
        control: f"{field} is {status[field]}, expected {expected}"
        for field, (expected, control) in reversed(_EXPECTED.items())
        if status[field] != expected
    }
    assert verified(os.getpid(), {}) == loose
    assert "files" in verified(os.getpid(), {"files": "no Landlock"})
    assert set(verified(2**30, {})) == {"files", "network", "privileges", "system calls"}


def test_a_worker_that_is_not_isolated_is_ended_where_that_is_required() -> None:
    worker = Told('{"pid": PID, "missing": {"files": "no Landlock"}}', READY, isolation="required")
    with pytest.raises(WorkerError) as caught, worker:
        pass
    assert caught.value.reason == "not_isolated"
    assert caught.value.edit == "infra_validation.isolation"
    assert caught.value.message.startswith(
        "the model was not loaded, for the worker cannot be isolated as required: network: none, "
        "files: unrestricted (no Landlock), privileges: "
    )


def test_once_leaves_the_environment_and_nothing_behind(tmp_path: Path) -> None:
    from tests.taxiway.modeling.exported.hostile import save_answering

    words = tmp_path / "temporary"
    words.mkdir()
    model = save_answering(tmp_path / "model", reads("/proc/self/environ"))
    line = [sys.executable, "-m", "taxiway.serving.worker", "--model", str(model)]
    line += ["--allow-operation", "ReadFile", "--once", '{"examples": ["x"]}']
    environment = {**os.environ, "WEBHOOK_URL": SECRET, "TMPDIR": str(words)}
    refused = subprocess.run(
        [part for part in line if part not in ("--allow-operation", "ReadFile")],
        capture_output=True, text=True, cwd=REPOSITORY, env=environment,
    )  # fmt: skip
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"error: ModelRefused: {model} has the operation ReadFile")
    assert refused.stderr.endswith(
        "; edit the model, or model.allowed_operations if you trust whoever wrote it\n"
    )
    assert list(words.iterdir()) == []
