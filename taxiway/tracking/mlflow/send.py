"""Tells MLflow what a message in the outbox says; told twice, it is there once.

A run is looked for by its tag before it is made, so that one which arrived half is completed. What
an older message says of it changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from taxiway.tracking.mlflow.client import MISSING, THERE, Client, Refused
from taxiway.tracking.mlflow.mirrored import ARTIFACTS, RUN_TAG, TOLD_TAG, Message, MirroredRun
from taxiway.tracking.mlflow.versions import mirror_aliases, mirror_version

MLFLOW: Final = "mlflow"
"""The kind of these messages."""
SECONDS: Final = 60.0
"""For a message, where no run waits for it; below the lease of the outbox."""
_METRICS: Final = 900
_PARAMS: Final = 90
"""In one request; MLflow takes 1,000 and 100."""
_PROXIED: Final = "mlflow-artifacts:/"
T = TypeVar("T")


def send(target: Mapping[str, Any], payload: Mapping[str, Any], seconds: float = SECONDS) -> None:
    """Tells the server of a `tracking` section; the outbox's sender of its kind.

    Args:
      target: the section, with the experiment named.
      payload: a Message.
      seconds: to be done in.

    Raises:
      ReceiverAway: it did not answer in time.
      TaxiwayError: it did not take all of it.
      OSError: an artifact cannot be read.
    """
    message = Message.model_validate(payload)
    with Client(target["uri"], target["token_env"], seconds) as client:
        if message.run is not None:
            _mirror_run(client, target["experiment"], message.run, message.at)
        if message.aliases is not None:
            mirror_aliases(client, message.aliases, message.at)


def _mirror_run(client: Client, experiment: str, run: MirroredRun, at: str) -> None:
    found = _run(client, _experiment_id(client, experiment), run)
    data, info = found.get("data", {}), found["info"]
    if _values(data.get("tags", ())).get(TOLD_TAG, "") > at:
        return
    run_id = info["run_id"]
    known = _values(data.get("params", ()))
    params = [pair for pair in _pairs(run.params) if pair["key"] not in known]
    for some in _parts(params, _PARAMS):
        client.call("POST", "runs/log-batch", {"run_id": run_id, "params": some})
    names = ("key", "value", "timestamp", "step")
    metrics: list[dict[str, Any]] = [dict(zip(names, one, strict=True)) for one in run.metrics]
    for part in _parts(metrics, _METRICS):
        client.call("POST", "runs/log-batch", {"run_id": run_id, "metrics": part})
    _upload(client, info["artifact_uri"], Path(run.folder))
    if run.model and run.version:
        mirror_version(client, run, run_id, info["artifact_uri"])
    # Last: only what has arrived whole has an end and the time at which it was told.
    tags = [*_pairs(run.tags), {"key": TOLD_TAG, "value": at}]
    update = {"run_id": run_id, "status": run.status, "run_name": run.name}
    ended = {} if run.status == "RUNNING" else {"end_time": run.ended_ms}
    client.call("POST", "runs/update", update | ended)
    client.call("POST", "runs/log-batch", {"run_id": run_id, "tags": tags})


def _experiment_id(client: Client, name: str) -> str:
    def find() -> str:
        found = client.call("GET", "experiments/get-by-name", {"experiment_name": name})
        return str(found["experiment"]["experiment_id"])

    try:
        return find()
    except Refused as refused:
        if refused.code != MISSING:
            raise
    try:
        return str(client.call("POST", "experiments/create", {"name": name})["experiment_id"])
    except Refused as refused:
        if refused.code != THERE:  # who told another run was first
            raise
    return find()


def _run(client: Client, experiment_id: str, run: MirroredRun) -> dict[str, Any]:
    """MLflow's run for ours, made where there is none.

    A server that was asked to make one, and answered too late, may have made it after the next who
    asked had made another. Of several the first stays.
    """
    wanted = {
        "experiment_ids": [experiment_id],
        "filter": f"tags.`{RUN_TAG}` = '{run.run_id}'",
        "order_by": ["attributes.start_time ASC", "attributes.run_id ASC"],
    }
    found = client.call("POST", "runs/search", wanted).get("runs", [])
    for double in found[1:]:
        client.call("POST", "runs/delete", {"run_id": double["info"]["run_id"]})
    if found:
        first: dict[str, Any] = found[0]
        return first
    made = {
        "experiment_id": experiment_id,
        "run_name": run.name,
        "start_time": run.started_ms,
        "tags": _pairs(run.tags),
    }
    created: dict[str, Any] = client.call("POST", "runs/create", made)["run"]
    return created


def _upload(client: Client, artifact_uri: str, folder: Path) -> None:
    """Sends the run's files where the server takes them for its own store.

    Where artifacts go straight to a bucket, a tag says where the report lies, and no more is done.
    """
    if not artifact_uri.startswith(_PROXIED):
        return
    below = artifact_uri.removeprefix(_PROXIED).strip("/")
    for name in ARTIFACTS:
        if (folder / name).is_file():  # a run may have been cleaned up since
            client.upload(f"{below}/{name}", folder / name)


def _values(pairs: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {pair["key"]: pair.get("value", "") for pair in pairs}


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _parts(values: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    return (values[begin : begin + most] for begin in range(0, len(values), most))
