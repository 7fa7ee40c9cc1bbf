"""MLServer with one SavedModel, in its own environment, which `make bench-serving` sets up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from taxiway.errors import TaxiwayError

_PROGRAM: Final = Path(".mlserver/env/bin/mlserver")
_BATCH_SECONDS: Final = 0.005


def mlserver_command(
    folder: Path, name: str, model: Path, ports: Sequence[int], batch_rows: int = 0
) -> list[str]:
    """Writes its settings, and gives the command that starts it.

    Args:
      folder: for its settings; empty.
      name: of the model.
      model: folder of the SavedModel.
      ports: three free ones: of HTTP, gRPC and metrics.
      batch_rows: its adaptive batching takes so many at most; 0 for none, which is its default.

    Raises:
      TaxiwayError: its environment is not there.
    """
    if not _PROGRAM.exists():
        raise TaxiwayError(f"{_PROGRAM} is not there", edit="make bench-serving")
    runtime = Path(__file__).with_name("mlserver_runtime.py")
    (folder / runtime.name).write_text(runtime.read_text())
    http, grpc, metrics = ports
    settings: dict[str, Any] = {
        "host": "127.0.0.1",
        "http_port": http,
        "grpc_port": grpc,
        "metrics_port": metrics,
        "metrics_dir": str(folder),
        "debug": False,
    }
    of_model: dict[str, Any] = {
        "name": name,
        "implementation": f"{runtime.stem}.SavedModel",
        "parameters": {"uri": str(model.resolve())},
    }
    if batch_rows:
        of_model |= {"max_batch_size": batch_rows, "max_batch_time": _BATCH_SECONDS}
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(of_model))
    return [str(_PROGRAM), "start", str(folder)]
