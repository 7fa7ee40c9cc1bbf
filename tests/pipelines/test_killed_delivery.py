"""`kill -9` at random times of the end of a run: one version and one queue entry all the same."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import select

from taxiway.registry.audit.verify import verify
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import audit, deploy_queue, model_versions
from taxiway.registry.section import SqliteRegistry
from tests.conftest import Run
from tests.killed import KILLED, killer

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.one_stack,
    pytest.mark.xdist_group("pipeline"),
]
TIMES = 10


def test_one_version_and_one_entry_whenever_registrar_or_deploy_queue_was_killed(
    first_run: Run, tmp_path: Path
) -> None:
    metadata = str(first_run[0].metadata)
    with killer("tests.pipelines.delivery:deliver") as delivery:

        def deliver(name: str, kill_at: int = 0) -> tuple[int, int]:
            root = tmp_path / name
            section = SqliteRegistry(kind="sqlite", path=str(root / "registry.sqlite"))
            arguments = (metadata, section.model_dump_json(), str(root / "outputs"))
            ended = delivery.run(root, *arguments, kill_at=kill_at)
            return ended.code, ended.steps

        code, steps = deliver("whole")
        assert code == 0
        for kill_at in random.sample(range(1, steps), TIMES):
            name = f"killed-at-{kill_at}"
            assert deliver(name, kill_at)[0] == KILLED
            assert deliver(name)[0] == 0
            registry = tmp_path / name / "registry.sqlite"
            database = Database(SqliteRegistry(kind="sqlite", path=str(registry)))
            with database.reading() as connection:
                assert verify(connection).faults == []
                assert len(connection.execute(select(model_versions.c.id)).all()) == 1
                assert len(connection.execute(select(deploy_queue.c.id)).all()) == 1
                told = connection.execute(select(audit.c.action)).scalars().all()
            database.engine.dispose()
            assert told.count("version.registered") == told.count("deploy.queued") == 1
