"""Versions, people and policies as tests of approval need them."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from taxiway.registry.auth.actor import Actor, Role
from taxiway.registry.database.session import Database
from taxiway.registry.section import parse_registry
from taxiway.registry.versions.records import Candidate, ModelVersion, register

CHECKS = {"evaluator": True, "infra_validator": True, "manifest": True, "signature": False}
AUTHOR, BEN, CLEO = (Actor(name, "system", Role.APPROVER) for name in ("ann", "ben", "cleo"))
ADMIN = Actor("dora", "system", Role.ADMIN)


def candidate(**changes: Any) -> Candidate:
    made = Candidate(
        model="parcels",
        run_id="run",
        model_digest="m1",
        contract_digest="c",
        pipeline_digest="p",
        pushed_to="/models/parcels/1",
        metrics={"auc": 0.8, "calibration": 1.1},
        checks=CHECKS,
    )
    return dataclasses.replace(made, **changes)


def under(database: Database, **settings: Any) -> Database:
    """The same database, as a config with other settings of the registry opens it."""
    values = database.settings.model_dump(mode="json") | settings
    opened = Database(parse_registry(json.dumps(values)))
    opened._engines = database._engines  # one pool of connections, which the fixture closes
    return opened


def required(**keys: Any) -> dict[str, Any]:
    return {"kind": "required", **keys}


def registered(database: Database, **changes: Any) -> ModelVersion:
    """A version by ann."""
    return register(database, candidate(**changes), dataclasses.replace(AUTHOR, role=Role.AUTHOR))
