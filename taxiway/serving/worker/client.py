"""The parent's side of a model worker: starts it, asks it, surely ends it. Without TensorFlow."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal

from taxiway.modeling.names import SERVING
from taxiway.serving.worker import isolation, sandbox
from taxiway.serving.worker.errors import WorkerError
from taxiway.serving.worker.exchange import answered, plain_list, send
from taxiway.serving.worker.handshake import nonsense, ready_of, sandbox_of
from taxiway.serving.worker.process import Lines, end, environment, private_folder
from taxiway.serving.worker.protocol import (
    Arrays,
    ProtocolError,
    pack_strings,
    receive_frame,
)

Isolation = Literal["required", "best_effort"]

_LOG_TAIL_BYTES = 2000
_GRACE_SECONDS = 2.0


class ModelWorker:
    """One model in a process of its own; a context manager that starts and ends it.

    Safe to use from several threads; requests are answered one at a time.

    Args:
      model: the SavedModel's folder.
      load_timeout_seconds: how long starting Python, TensorFlow and the model may take.
      request_timeout_seconds: how long one request may take before the worker is killed.
        TensorFlow itself waits 10 s for memory before it says that there is none.
      memory_limit_mb: bound of the worker's data segment; None for none.
      signature: the signature that takes serialized tf.Examples.
      allowed_operations: that the model may have besides those of
        `taxiway.modeling.exported.operations`.
      isolation: whether a model is loaded at all where the system refuses some of the sandbox.
      section: of the config, which these are from; errors name its keys.

    Raises:
      WorkerError: on entering, the model did not load.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        load_timeout_seconds: float = 120.0,
        request_timeout_seconds: float = 10.0,
        memory_limit_mb: int | None = None,
        signature: str = SERVING,
        allowed_operations: Sequence[str] = (),
        isolation: Isolation = "best_effort",
        section: str = "infra_validation",
    ) -> None:
        self._model = Path(model).absolute()
        self._load_timeout = load_timeout_seconds
        self._request_timeout = request_timeout_seconds
        self._memory_limit_mb = memory_limit_mb
        self._signature = signature
        self._allowed_operations = tuple(allowed_operations)
        self._isolation = isolation
        self._section = section
        self._missing: Mapping[sandbox.Control, str] = {}
        self._pid: int | None = None
        self._lines: Lines | None = None
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._folder: Path | None = None
        self._log: IO[bytes] | None = None
        self._ready: Mapping[str, Any] = {}

    def __enter__(self) -> ModelWorker:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def missing(self) -> Mapping[sandbox.Control, str]:
        """What of the sandbox the system refused, and why; empty where all of it holds."""
        return self._missing

    @property
    def isolation(self) -> str:
        """What holds the worker in, in one line."""
        return isolation.describe(self._missing, self._memory_limit_mb)

    @property
    def load_seconds(self) -> float:
        """Seconds the model itself took to load, TensorFlow's own start not counted."""
        return float(self._ready["load_seconds"])

    @property
    def signatures(self) -> Mapping[str, Any]:
        """`{signature: {"inputs": {name: dtype}, "outputs": {name: dtype}}}`."""
        signatures: Mapping[str, Any] = self._ready["signatures"]
        return signatures

    @property
    def ranks(self) -> Mapping[str, Any]:
        """As `signatures`: 1 for a value per row, 2 for a list per row, and so on."""
        ranks: Mapping[str, Any] = self._ready["ranks"]
        return ranks

    @property
    def classes(self) -> Mapping[str, Any]:
        """`{signature: [name, ...]}`, of those that score classes."""
        classes: Mapping[str, Any] = self._ready["classes"]
        return classes

    @property
    def pid(self) -> int | None:
        """Of the process that has the model; None when it is not running."""
        return self._pid if self._process else None

    def predict_examples(self, examples: Sequence[bytes]) -> Arrays:
        """Predicts serialized tf.Examples, one output array a name.

        Raises:
          WorkerError: `reason` says whether the worker still runs.
        """
        return self._ask({"ask": "predict_examples"}, pack_strings(examples))

    def predict_columns(self, columns: Mapping[str, Sequence[Any]]) -> Arrays:
        """Predicts plain columns of equal length; None, and a column not given, are missing.

        Raises:
          WorkerError: `reason` says whether the worker still runs.
        """
        lists = {name: plain_list(values) for name, values in columns.items()}
        return self._ask({"ask": "predict_columns", "columns": lists}, b"")

    def detach(self) -> socket.socket:
        """Hands over the connection, to one who asks and closes it; `predict_*` are not for use.

        The worker stays this object's, to be ended by `close`.
        """
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is None:
            raise WorkerError("the model worker is not running", reason="closed")
        return connection

    def ended(self) -> WorkerError:
        """Why the worker went, where its connection was lost while it answered. May wait 2 s."""
        process = self._process
        if process is None:
            return WorkerError("the model worker is not running", reason="closed")
        return self._ended(process, "while answering", "crashed")

    def close(self) -> None:
        """Ends the worker, whatever it is doing. May be called more than once."""
        connection, process = self._connection, self._process
        folder, log, lines = self._folder, self._log, self._lines
        self._connection = self._process = self._folder = self._log = self._lines = None
        if process is not None:
            end(process)
        if connection is not None:  # last, so that a thread waiting on it sees it end
            connection.close()
        if lines is not None:
            lines.close()
        if log is not None:
            log.close()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _start(self) -> None:
        if self._process is not None:
            raise RuntimeError("this worker is running already")
        deadline = time.monotonic() + self._load_timeout
        self._folder = private_folder()
        path = self._folder / "worker.sock"
        # without a name, so that it is never left behind; closed in close()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the worker
        ours, theirs = socket.socketpair()
        self._lines = Lines(ours)
        with theirs:
            self._process = subprocess.Popen(
                self._command(path),
                stdin=subprocess.PIPE,
                stdout=theirs.fileno(),
                stderr=self._log,
                cwd=self._folder,
                env=environment(),
                start_new_session=True,  # Ctrl-C is the parent's, which then ends the worker
            )
        self._read_sandbox(self._process, deadline)
        self._ready = ready_of(self._read(self._process, deadline), self._model, self._section)
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._connection.connect(str(path))
        except OSError:
            raise self._ended(self._process, "while loading the model", "load_failed") from None

    def _command(self, path: Path) -> list[str]:
        command = [sys.executable, "-m", "taxiway.serving.worker", "--until-stdin-closes"]
        command += ["--model", str(self._model), "--socket", str(path)]
        command += ["--signature", self._signature, "--isolation", self._isolation]
        command += ["--idle-seconds", "0"]  # no one else may connect, and this one may wait
        patience = max(self._load_timeout, self._request_timeout)
        command += ["--processor-seconds", str(patience * (os.cpu_count() or 1))]
        for name in self._allowed_operations:
            command += ["--allow-operation", name]
        if self._memory_limit_mb is not None:
            command += ["--memory-limit-mb", str(self._memory_limit_mb)]
        return command

    def _read_sandbox(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        """Reads the first line, which is written before anything of the model is read."""
        pid, claimed = sandbox_of(self._read(process, deadline), self._model)
        self._pid, self._missing = pid, isolation.verified(pid, claimed)
        if self._missing and self._isolation == "required":
            whole = isolation.describe(self._missing, self._memory_limit_mb)
            raise WorkerError(
                f"the model was not loaded, for the worker cannot be isolated as required: {whole}",
                reason="not_isolated",
                edit=f"{self._section}.isolation",
            )

    def _read(self, process: subprocess.Popen[bytes], deadline: float) -> dict[str, Any]:
        assert self._lines is not None
        line = self._lines.next(deadline)
        if line is None:
            raise WorkerError(
                f"{self._model} did not load within {self._load_timeout:g} s",
                reason="load_timeout",
                edit=f"{self._section}.load_timeout_seconds",
            )
        try:
            answer = json.loads(line)
        except ValueError:
            if line:
                raise nonsense(self._model, line) from None
            raise self._ended(process, "while loading the model", "load_failed") from None
        if not isinstance(answer, dict):
            raise nonsense(self._model, answer)
        return answer

    def _ask(self, header: Mapping[str, Any], body: bytes) -> Arrays:
        with self._lock:
            connection, process = self._connection, self._process
            if connection is None or process is None:
                raise WorkerError("the model worker is not running", reason="closed")
            deadline = time.monotonic() + self._request_timeout
            try:
                connection.settimeout(self._request_timeout)
                send(connection, header, body)
                frame = receive_frame(connection, deadline)
            except TimeoutError:
                self.close()
                raise WorkerError(
                    f"no answer within {self._request_timeout:g} s; the worker was ended",
                    reason="timeout",
                    edit=f"{self._section}.request_timeout_seconds",
                ) from None
            except WorkerError:
                raise  # not sent, so that the next one can be
            except (ProtocolError, OSError):
                frame = None
            except BaseException:
                self.close()  # an answer may be on its way that belongs to no one
                raise
            if frame is None:
                error = self._ended(process, "while answering", "crashed")
                self.close()
                raise error
        return answered(*frame)

    def _ended(
        self, process: subprocess.Popen[bytes], when: str, reason: Literal["load_failed", "crashed"]
    ) -> WorkerError:
        """The error for a worker that went without a word of its own."""
        try:
            code = process.wait(_GRACE_SECONDS)
            how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        except subprocess.TimeoutExpired:
            how = "its connection was lost"
        limit = self._memory_limit_mb
        bound = f"; its memory limit is {limit} MB" if limit is not None else ""
        tail = self._log_tail()
        message = f"the model worker ended {when} ({how}{bound})"
        return WorkerError(f"{message}\n{tail}" if tail else message, reason=reason)

    def _log_tail(self) -> str:
        if self._log is None:
            return ""
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - _LOG_TAIL_BYTES))
        text = self._log.read()
        lines = dict.fromkeys(text.decode(errors="replace").splitlines())  # each but once
        return "\n".join(lines).strip()
