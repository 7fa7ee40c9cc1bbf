"""The MLflow server of `taxiway mlflow`: a store below output.root, on loopback, that tells no one.

MLflow counts how it is used and tells its makers, unless it is told not to.
"""

from __future__ import annotations

import sys
import urllib.parse
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from taxiway.config.schema import Config
from taxiway.config.tracking import LOCAL, TrackingMlflow
from taxiway.errors import ConfigError
from taxiway.process.attended import Server
from taxiway.process.extras import needs
from taxiway.section import is_loopback

SILENT: Final[Mapping[str, str]] = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}
"""Environment of every process that imports mlflow."""
_LEAN: Final[Mapping[str, str]] = {
    # Eight processes that run judges of language models, of which a mirror has none.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


def address(config: Config) -> str:
    """Where the local store is served: `tracking.uri`, or the default where nothing is mirrored.

    Raises:
      ConfigError: that is on another machine.
    """
    section = config.tracking
    uri = section.uri if isinstance(section, TrackingMlflow) else LOCAL
    parts = urllib.parse.urlsplit(uri)
    if parts.scheme != "http" or not is_loopback(parts.hostname or ""):
        raise ConfigError(
            f"tracking.uri is {uri}, a server of its own; the local store is served on loopback, "
            f"such as {LOCAL}",
            edit=f"open {uri}, or change tracking.uri",
        )
    return uri


def server(config: Config) -> Server:
    """How to run it.

    Raises:
      ConfigError: MLflow is not installed, or the config's server or store is not of this machine.
    """
    with needs("mlflow", "mlflow", "`taxiway mlflow`"):
        if find_spec("mlflow") is None:
            raise ModuleNotFoundError("no mlflow", name="mlflow")
    parts = urllib.parse.urlsplit(address(config))
    root = config.output.root
    if "://" in root:
        raise ConfigError(f"output.root is {root}, expected a folder", edit="output.root")
    host, port = parts.hostname or "", parts.port or 80
    options = {
        "--backend-store-uri": f"sqlite:///{root}/mlflow.sqlite",
        "--artifacts-destination": f"{root}/mlflow-artifacts",
        "--host": host,
        "--port": str(port),
        "--workers": "1",
        **({"--static-prefix": parts.path} if parts.path else {}),
    }
    given = [word for option in options.items() for word in option]
    return Server(
        name="MLflow",
        command=[sys.executable, "-m", "mlflow", "server", *given],
        host=host,
        port=port,
        log=Path(root) / "mlflow.log",
        environment={**SILENT, **_LEAN},
        edit="tracking.uri",
    )
