"""Works on a Dask cluster that is there already: a scheduler, and workers on any machines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import cloudpickle
from pydantic import model_validator

from taxiway.errors import ConfigError
from taxiway.process.extras import needs
from taxiway.root_cause import root_cause
from taxiway.section import Seconds, is_loopback
from taxiway.workers.dask.job import END_SECONDS, GRACE_SECONDS, Job, Scheduler, bounded
from taxiway.workers.dask.task import ClusterError
from taxiway.workers.dask.tls import contain
from taxiway.workers.job import (
    MERGE,
    WORKERS_KEY,
    Deadline,
    MapFn,
    Options,
    ReduceFn,
    Shard,
    Workers,
    WorkersSection,
)


class DaskWorkers(WorkersSection):
    """Workers of a Dask cluster that is there already; deploy/README.md says how to start one.

    They import this same code, and see output.root under the same path.
    """

    kind: Literal["dask"]
    address: str
    """Of the scheduler: tls://HOST:PORT; tcp:// on this machine only."""
    ca_file: str = ""
    """Certificate, in PEM format, of who signed those of the cluster."""
    cert_file: str = ""
    """Certificate of this run, signed by the same."""
    key_file: str = ""
    """Its private key."""
    connect_seconds: Seconds = 30.0
    """How long the scheduler may take to answer, and be without any worker."""

    @model_validator(mode="after")
    def _is_private(self) -> DaskWorkers:
        """Tasks are pickles: whoever can send one to a worker, or answer as one, runs any code."""
        scheme, host, port = _split(self.address)
        if scheme not in ("tls", "tcp") or not host or port is None:
            raise ValueError(f"address must be tls://HOST:PORT, not '{self.address}'")
        if scheme == "tcp" and not is_loopback(host):
            raise ValueError(
                f"address {self.address} is not encrypted, so anyone on the way could run code: "
                "use tls://, or tcp:// with an address of this machine (127.0.0.1)"
            )
        missing = [key for key in ("ca_file", "cert_file", "key_file") if not getattr(self, key)]
        if scheme == "tls" and missing:
            raise ValueError(
                f"address {self.address} needs {', '.join(missing)}: `make dask-certs` makes them"
            )
        return self

    def start(self) -> Workers:
        """A connection that is made when it is first needed."""
        return Dask(self)


def check(config: DaskWorkers) -> None:
    """What can be known to be wrong without the cluster.

    Raises:
      ConfigError: a file of the certificates is missing.
    """
    for key in ("ca_file", "cert_file", "key_file"):
        path = getattr(config, key)
        if path and not os.access(path, os.R_OK):
            raise ConfigError(
                f"{WORKERS_KEY}.{key}: {Path(path).absolute()} cannot be read: `make dask-certs` "
                "makes certificates; those of a cluster that runs come from who started it",
                edit=f"{WORKERS_KEY}.{key}",
            )


class Dask:
    """A connection to a scheduler, made when it is first needed and kept for the next job.

    Results of shards stay on workers until they are merged on one, and Dask makes those again that
    a dead worker had. Here is what Dask does not know: at which shard a worker died (a task says
    that it starts, and waits until the scheduler has heard it), deadlines, and whether workers run
    this very code.
    """

    def __init__(self, config: DaskWorkers) -> None:
        self._config = config
        self._client: Any | None = None

    def run(
        self, map_fn: MapFn, shards: Sequence[Shard], reduce_fn: ReduceFn, options: Options
    ) -> bytes:
        """See `taxiway.workers.job.Workers`."""
        deadline = Deadline.of(options)
        if self._client is None or self._client.status != "running":
            self.close()  # one that lost the scheduler since the last job gives up for good
            self._client = connected(self._config)
        pickled = [cloudpickle.dumps((map_fn, shard)) for shard in shards]
        pickled.append(cloudpickle.dumps((reduce_fn, None)))
        names = [*map(str, shards), MERGE]
        job = Job(
            self._client,
            Scheduler(self._config.address, self._config.connect_seconds),
            options,
            deadline,
            names,
            pickled,
        )
        try:
            return job.run()
        except ClusterError:
            self.close()  # whereupon a scheduler that is there still takes all back
            raise
        except BaseException:
            job.abandon()
            raise

    def close(self) -> None:
        """Ends the connection; the cluster stays."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                bounded(END_SECONDS, client.close)


def connected(config: DaskWorkers) -> Any:
    """A distributed.Client.

    Raises:
      ClusterError: there is no scheduler, or it or this run refuses the other's certificate.
      ConfigError: a file of the certificates is missing.
    """
    check(config)
    with needs("dask", "distributed", f"{WORKERS_KEY}.kind dask"):
        from distributed import Client
        from distributed.security import Security

    security = None
    if config.ca_file:
        contain()
        security = Security(
            require_encryption=True,
            tls_ca_file=config.ca_file,
            tls_client_cert=config.cert_file,
            tls_client_key=config.key_file,
        )
    seconds = config.connect_seconds
    try:
        client = bounded(
            seconds + GRACE_SECONDS,
            lambda: Client(
                config.address, security=security, timeout=seconds, set_as_default=False
            ),
        )
    except Exception as error:
        raise ClusterError(
            f"no connection to the Dask scheduler {config.address} ({root_cause(error)}); it must "
            "run, and both must have certificates that are signed by the other's ca_file",
            edit=f"{WORKERS_KEY}.address, .ca_file, .cert_file, .key_file",
        ) from error
    return client


def _split(address: str) -> tuple[str, str, int | None]:
    parts = urlsplit(address)
    try:
        return parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        return "", "", None
