"""A model's versions and aliases in MLflow's own registry.

MLflow counts versions 1, 2, 3; the name that ours has is a tag. What the aliases ought to be is a
tag of the model: an alias of a version that arrives later is given to it then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from taxiway.tracking.mlflow.client import MISSING, THERE, Client, Refused
from taxiway.tracking.mlflow.mirrored import VERSION_TAG, MirroredAliases, MirroredRun

WANTED_TAG: Final = "taxiway.aliases"
"""Of a model: JSON with `at` and, by alias, the name of the version."""


def mirror_version(client: Client, run: MirroredRun, run_id: str, source: str) -> None:
    """Registers the version that a run made, unless it is there.

    Args:
      client: of the server.
      run: ours.
      run_id: MLflow's.
      source: where MLflow is told that the model lies: the run's artifacts.
    """
    _ensure_model(client, run.model)
    if run.version in _versions(client, run.model):
        return
    tags = {VERSION_TAG: run.version, "taxiway.run_id": run.run_id}
    made = {
        "name": run.model,
        "source": source,
        "run_id": run_id,
        "description": f"{run.model}/{run.version} of Taxiway's registry",
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }
    client.call("POST", "model-versions/create", made)


def mirror_aliases(client: Client, aliases: MirroredAliases, at: str) -> None:
    """Gives each version that MLflow has the aliases that it has here, and no other.

    Args:
      client: of the server.
      aliases: of one model.
      at: when they were so; what the model's tag says stays where it is younger.
    """
    try:
        model = _model(client, aliases.model)
    except Refused as refused:
        if refused.code != MISSING:
            raise
        if not aliases.versions:
            return
        _ensure_model(client, aliases.model)
        model = _model(client, aliases.model)
    told = _wanted(model)
    wanted: Mapping[str, str] = aliases.versions
    if told.get("at", "") > at:
        wanted = told["versions"]
    else:
        value = json.dumps({"at": at, "versions": dict(wanted)})
        tag = {"name": aliases.model, "key": WANTED_TAG, "value": value}
        client.call("POST", "registered-models/set-tag", tag)
    numbers = _versions(client, aliases.model)
    ought = {alias: numbers[name] for alias, name in wanted.items() if name in numbers}
    have = {one["alias"]: str(one["version"]) for one in model.get("aliases", ())}
    for alias, number in ought.items():
        if have.get(alias) != number:
            given = {"name": aliases.model, "alias": alias, "version": number}
            client.call("POST", "registered-models/alias", given)
    ours = told.get("versions", {}).keys() - ought.keys()  # whatever else is there is someone's own
    for alias in sorted(ours & have.keys()):
        client.call("DELETE", "registered-models/alias", {"name": aliases.model, "alias": alias})


def _model(client: Client, name: str) -> dict[str, Any]:
    found = client.call("GET", "registered-models/get", {"name": name})
    model: dict[str, Any] = found["registered_model"]
    return model


def _ensure_model(client: Client, name: str) -> None:
    try:
        client.call("POST", "registered-models/create", {"name": name})
    except Refused as refused:
        if refused.code != THERE:
            raise


def _versions(client: Client, model: str) -> dict[str, str]:
    """MLflow's number of each of our versions, by our name; of several the first."""
    found: dict[str, str] = {}
    page: dict[str, str] = {}
    while True:
        asked = {"filter": f"name='{model}'", "max_results": "200", **page}
        answer = client.call("GET", "model-versions/search", asked)
        for one in answer.get("model_versions", ()):
            tags = {tag["key"]: tag.get("value", "") for tag in one.get("tags", ())}
            if tags.get(VERSION_TAG):
                number, name = str(one["version"]), tags[VERSION_TAG]
                found[name] = min(found.get(name, number), number, key=int)
        if not answer.get("next_page_token"):
            return found
        page = {"page_token": answer["next_page_token"]}


def _wanted(model: Mapping[str, Any]) -> dict[str, Any]:
    """What was told last of the model's aliases."""
    for tag in model.get("tags", ()):
        if tag["key"] == WANTED_TAG:
            try:
                read = json.loads(tag.get("value", ""))
                return {"at": str(read["at"]), "versions": dict(read["versions"])}
            except (ValueError, TypeError, KeyError):  # changed by hand
                return {}
    return {}
