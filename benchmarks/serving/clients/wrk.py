"""wrk, where it is installed: a client that takes little of the machine that it shares."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.serving.clients.told import ANSWER_SECONDS, CLIENTS
from taxiway.errors import TaxiwayError

PROGRAM: Final = "wrk"
_SCRIPT: Final = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = io.open(os.getenv("BODY"), "rb"):read("*a")
done = function(summary, latency, requests)
  local broken = summary.errors
  io.write(string.format('\\n{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, ',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99)))
  io.write(string.format('"status": %d, "connect": %d, "read": %d, "write": %d, "timeout": %d}\\n',
    broken.status, broken.connect, broken.read, broken.write, broken.timeout))
end
"""


@dataclass(frozen=True)
class Timed:
    """What a client has measured.

    Args:
      per_second: requests that were answered with 200.
      p50_ms: latency, in milliseconds.
      p99_ms: as `p50_ms`.
      failed: requests that were not.
    """

    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int


def is_installed() -> bool:
    """Whether it can be used here."""
    return shutil.which(PROGRAM) is not None


def ask_by_wrk(port: int, path: str, body: bytes, seconds: float, folder: Path) -> Timed:
    """As many requests as are answered, of as many connections as `http.ask` has.

    Args:
      port: of loopback.
      path: of the URL.
      body: of each request.
      seconds: how long, in whole seconds.
      folder: for its script.

    Raises:
      TaxiwayError: it has measured nothing.
    """
    script, content = folder / "post.lua", folder / "body.json"
    script.write_text(_SCRIPT)
    content.write_bytes(body)
    length = max(1, round(seconds))
    options = ["--threads", "1", "--connections", str(CLIENTS), "--duration", f"{length}s"]
    options += ["--timeout", f"{ANSWER_SECONDS:g}s", "--latency", "--script", str(script)]
    done = subprocess.run(
        [PROGRAM, *options, f"http://127.0.0.1:{port}{path}"],
        env={"BODY": str(content)},
        capture_output=True,
        text=True,
        timeout=length + 2 * ANSWER_SECONDS,
        check=False,
    )
    if done.returncode:
        raise TaxiwayError(f"wrk ended with {done.returncode}: {done.stderr[-300:]}")
    return _read(json.loads(done.stdout.splitlines()[-1]))


def _read(told: dict[str, Any]) -> Timed:
    failed = sum(told[name] for name in ("status", "connect", "read", "write", "timeout"))
    answered = told["requests"] - told["status"]
    seconds = told["microseconds"] / 1e6
    return Timed(answered / seconds, told["p50"] / 1e3, told["p99"] / 1e3, failed)
