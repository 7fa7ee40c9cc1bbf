"""The page for the team over a registry with runs, versions and people."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import tags
from taxiway.registry.runs import IndexedRun, write_runs
from taxiway.registry.versions.records import ModelVersion
from taxiway.tracking.run_record.files import write_record
from taxiway.tracking.run_record.record import RunRecord
from taxiway.ui.app import make_app
from tests.conftest import TINY
from tests.taxiway.registry.approval.releases import registered, required, under
from tests.taxiway.serving.gateway.conftest import registry, token

__all__ = ["registry", "token"]

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202eevil"
"""A name that is markup, an escape sequence, and turns the reading direction."""


@dataclass
class Ui:
    """The application of one registry.

    Args:
      config: whose folder has the registry.
      database: the registry.
      host: that the port says it is bound to.
    """

    config: Config
    database: Database
    host: str = "127.0.0.1"

    @functools.cached_property
    def app(self) -> Any:
        return make_app(self.config, self.database, self.host)

    def visit(self, body: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
        """A browser that keeps cookies, in this process."""

        async def within() -> Any:
            transport = httpx.ASGITransport(self.app)
            url = "http://127.0.0.1:8090"
            async with httpx.AsyncClient(transport=transport, base_url=url) as client:
                return await body(client)

        return asyncio.run(within())

    def ask(
        self,
        path: str,
        method: str = "GET",
        token: str = "",
        headers: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> httpx.Response:
        """One request and its answer."""
        given = dict(headers or {})
        if token:
            given["authorization"] = f"Bearer {token}"

        async def body(client: httpx.AsyncClient) -> httpx.Response:
            return await client.request(method, path, headers=given, **arguments)

        answer: httpx.Response = self.visit(body)
        return answer

    def run(self, run_id: str, *, record: RunRecord | None = None, **changes: Any) -> IndexedRun:
        """A run in the index, and in its folder where a record is given."""
        folder = Path(self.config.output.report_folder(run_id))
        made = IndexedRun(
            run_id=run_id,
            pipeline="tiny",
            model="parcels",
            outcome="succeeded",
            started_at="2026-03-01T12:00:00.000000Z",
            seconds=30.5,
            failure="",
            version="",
            metrics={"auc": 0.75},
            facts={"command": "taxiway run", "lacks": []},
            folder=str(folder),
            search_text=f"{run_id} tiny parcels",
        )
        write_runs(self.database, [replace(made, **changes)])
        if record is not None:
            folder.mkdir(parents=True, exist_ok=True)
            write_record(folder, record)
        return made

    def tag(self, run_id: str, key: str, value: str) -> None:
        values = {"subject_kind": "run", "subject": run_id, "key": key, "value": value}
        with self.database.working() as connection:
            connection.execute(tags.insert(), [values])

    def version(self, reviewers: int = 1, **changes: Any) -> ModelVersion:
        """A version of parcels by ann that waits for people."""
        held = under(self.database, approval=required(reviewers=reviewers))
        return registered(held, **changes)


def opened(folder: Path) -> Ui:
    """The page over a registry that is new."""
    config = load_config([TINY], [f"output.root={folder}"])
    return Ui(config, Database(config.registry))


@pytest.fixture
def ui(registry: Database, tmp_path: Path) -> Ui:
    """Bound to loopback."""
    return Ui(load_config([TINY], [f"output.root={tmp_path}"]), registry)


@pytest.fixture
def open_ui(ui: Ui) -> Ui:
    """Bound to every address."""
    return replace(ui, host="0.0.0.0")


def record(run_id: str, **changes: Any) -> RunRecord:
    """What is on record of a run."""
    made = {
        "run_id": run_id,
        "pipeline": "tiny",
        "model": "parcels",
        "outcome": "succeeded",
        "started_at": "2026-03-01T12:00:00.000000Z",
        "seconds": 30.5,
        "config": {"model.hyperparameters.learning_rate": 0.01, "model.name": "parcels"},
        "features": {"weight": "numeric"},
        "code": {"commit": "a" * 40, "files": {"models/parcels.py": "1" * 64}},
        "packages": {"lock": "2" * 64, "releases": {"numpy": "1.26.4"}},
        "data": {"spans": "1-3", "files": [{"path": "span-1/a.parquet", "sha256": "3" * 64}]},
        "nodes": [{"node": "Trainer", "state": "complete", "seconds": 12.5, "cpu_seconds": 20.1}],
        "metrics": {"auc": 0.75},
        "slices": [{"name": "region=north", "metrics": {"auc": 0.7}}],
        "curves": {"loss": [0.6, 0.5], "val_loss": [0.7, 0.65]},
    }
    return RunRecord.model_validate(made | changes)
