"""Three ways through a release, and that no other command goes around any of them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from taxiway.errors import ConfigError
from taxiway.metadata.store import run_store
from taxiway.push.folder import newest_version
from taxiway.registry.approval.states import NotApproved, decisions_of, state_of
from taxiway.registry.auth.actor import system_actor
from taxiway.registry.database.session import open_database
from taxiway.registry.deploy.queue import DeployQueue
from taxiway.registry.versions.records import find_named, register
from tests.conftest import CommandLine, Finished, Run, Workspace, copied, once, taxiway

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("pipeline")]

TWO = "registry.approval={kind: required, reviewers: 2}"
STRICT = (
    "model.name=strict",
    "registry.approval={kind: required, reviewers: 0, metrics: [{metric: auc, lower: 0.999}]}",
)
NONE = "registry.approval={kind: none}"
AROUND = {
    "no policy": [NONE],
    "one reviewer": ["registry.approval={kind: required, reviewers: 1}"],
    "another environment": [NONE, "registry.environment=mine"],
    "another model": [NONE, "model.name=mine", "push.destination=SERVING"],
}


@pytest.fixture(scope="session")
def held_run(spans: Path, shared_folder: Path) -> Run:
    """A run whose version waits for two people; look, but do not touch."""

    def make(target: Path) -> None:
        _keep(copied(spans, target / "var").run(TWO), target / "report.json")

    folder = once(shared_folder, "held-run", make)
    return Workspace(folder / "var"), json.loads((folder / "report.json").read_text())


@pytest.fixture(scope="session")
def refused_run(held_run: Run, shared_folder: Path) -> Run:
    """A run beside it, for another name of the model, whose version its policy refuses."""

    def make(target: Path) -> None:
        _keep(held_run[0].run(*STRICT), target / "report.json")

    folder = once(shared_folder, "refused-run", make)
    return held_run[0], json.loads((folder / "report.json").read_text())


def _keep(done: Finished, report: Path) -> None:
    assert done.code == 0, done.out + done.err
    report.write_text(done.out)


def sets(*assignments: str) -> list[str]:
    return [word for value in assignments for word in ("--set", value)]


def serving(workspace: Workspace, model: str = "tiny") -> Path:
    return workspace.root / "serving" / model


def queued_by(run: Run) -> str:
    """What the run's DeployQueue said."""
    workspace, report = run
    records = run_store(workspace.config().metadata).nodes(report["run_id"])
    (record,) = (record for record in records if record.node_id == "DeployQueue")
    output = record.output("queued")
    assert output is not None
    return Path(output.uri).read_text()


def test_without_a_policy_a_version_is_approved_at_once_and_serves(first_run: Run) -> None:
    workspace, report = first_run
    assert report["release"] is None
    assert Path(report["pushed_to"]).parent == serving(workspace)
    database = open_database(workspace.config().registry)
    version = find_named(database, "tiny", report["version"])
    assert version is not None
    with database.reading() as connection:
        state = state_of(connection, version, "")
        decisions = decisions_of(connection, version)
    assert state is not None
    assert state.state == "approved"
    assert [one.decided_by for one in decisions] == ["policy"]
    assert queued_by(first_run) == "1"


class TestTwoPeople:
    """Nothing serves before both have approved."""

    @pytest.fixture(autouse=True)
    def _run(self, held_run: Run) -> None:
        self.run = held_run
        self.workspace, self.report = self.run
        self.serving = serving(self.workspace)

    def options(self, *assignments: str) -> list[str]:
        """As a user gives them; the policy of the run unless another is named."""
        filled = [value.replace("SERVING", str(self.serving)) for value in assignments]
        return [*self.workspace.options, *sets(*(filled or [TWO]))]

    def test_the_model_is_in_the_store_and_the_report_says_what_it_waits_for(self) -> None:
        assert Path(self.report["pushed_to"]).parent == self.workspace.root / "models" / "tiny"
        assert not self.serving.exists()
        assert queued_by(self.run) == "0"
        assert self.report["release"] == {
            "version": "tiny/1.0.0",
            "environment": "",
            "state": "pending",
            "told": "waits for approval: it needs 2 reviewers",
        }
        folder = self.workspace.root / "reports" / self.report["run_id"]
        assert "waits for approval: it needs 2 reviewers" in (folder / "report.html").read_text()
        assert not (folder / "request.json").exists()

    @pytest.mark.parametrize("name", AROUND)
    def test_no_other_config_runs(self, name: str) -> None:
        before = self.pushes()
        done = taxiway("run", *self.options(*AROUND[name]))
        self.check_refused(done)
        assert self.pushes() == before

    @pytest.mark.parametrize("name", AROUND)
    def test_no_other_config_deploys(self, here: CommandLine, name: str) -> None:
        self.check_refused(here("deploy", *self.options(*AROUND[name])))

    @pytest.mark.parametrize("name", AROUND)
    def test_no_other_config_pushes_or_registers_where_there_was_no_preflight(
        self, name: str
    ) -> None:
        """As on Kubeflow, where the nodes themselves refuse."""
        from components.pusher.executor import require_pushable

        filled = [value.replace("SERVING", str(self.serving)) for value in AROUND[name]]
        config = self.workspace.config(*filled)
        known = find_named(open_database(config.registry), "tiny", "1.0.0")
        assert known is not None
        with pytest.raises(ConfigError):
            require_pushable(config.registry, config.model.name, known.candidate.model_digest)
        if config.model.name == "tiny":
            with pytest.raises(ConfigError):
                register(open_database(config.registry), known.candidate, system_actor())

    def check_refused(self, done: Finished) -> None:
        assert done.code == 2
        assert "taxiway models policy" in done.err
        assert not self.serving.exists()

    def pushes(self) -> list[str]:
        return sorted(str(path) for path in (self.workspace.root / "models").glob("*/*"))

    def test_a_deployer_finds_nothing_to_publish(self, here: CommandLine) -> None:
        done = here("deploy", *self.options())
        assert (done.code, done.out) == (0, "nothing of tiny waits to be deployed\n")
        assert not self.serving.exists()

    def test_nobody_queues_it_or_calls_it_champion(self, here: CommandLine) -> None:
        database = open_database(self.workspace.config(TWO).registry)
        version = find_named(database, "tiny", "1.0.0")
        assert version is not None
        with pytest.raises(NotApproved, match="waits for approval: it needs 2 reviewers"):
            DeployQueue(database).put(version, system_actor())
        done = here("models", "alias", "1.0.0", "champion", *self.options())
        assert done.code == 1
        assert "waits for approval" in done.err

    def test_whoever_ran_it_does_not_approve_it(self, here: CommandLine) -> None:
        done = here("models", "approve", "1.0.0", *self.options())
        assert done.code == 1
        assert "another person has to approve it" in done.err

    def test_two_people_with_tokens_approve_it_and_a_deployer_publishes_it(
        self, here: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In a copy of the registry, since the others look at the run's."""
        copy = tmp_path / "registry.sqlite"
        with closing(sqlite3.connect(self.workspace.root / "registry.sqlite")) as registry:
            registry.execute("VACUUM INTO ?", [str(copy)])
        destination = tmp_path / "serving"
        own = (TWO, f"registry.path={copy}", f"push.destination={destination}")

        def call(token: str, *words: str) -> Finished:
            monkeypatch.setenv("TAXIWAY_TOKEN", token)
            return here(*words, *self.options(*own))

        def token(by: str, name: str, role: str) -> str:
            words = ("auth", "token", "create", "--name", name, "--role", role)
            return call(by, *words).out.strip()

        admin = token("", "dora", "admin")
        ben, cleo = (token(admin, name, "approver") for name in ("ben", "cleo"))
        first = call(ben, "models", "approve", "1.0.0", "--reason", "better at night")
        assert first.out == "tiny/1.0.0 waits for approval: it needs 1 more reviewer\n"
        assert call(token(admin, "author", "author"), "models", "approve", "1.0.0").code == 1
        second = call(cleo, "models", "approve", "1.0.0")
        assert second.out == "tiny/1.0.0 is approved; queued for: taxiway deploy\n"
        done = call(token(admin, "ci", "deployer"), "deploy")
        assert done.code == 0, done.err
        published = newest_version(destination)
        assert published is not None
        pushed = Path(self.report["pushed_to"])
        for file in ("saved_model.pb", "MANIFEST.sha256"):
            assert (published / file).read_bytes() == (pushed / file).read_bytes()


@pytest.mark.one_stack
class TestRefused:
    """A policy whose bound the version does not keep."""

    @pytest.fixture(autouse=True)
    def _run(self, refused_run: Run) -> None:
        self.run = refused_run
        self.workspace, self.report = self.run

    def options(self) -> list[str]:
        return [*self.workspace.options, *sets(*STRICT)]

    def test_it_is_rejected_with_the_bound_and_the_value(self) -> None:
        release: dict[str, Any] = self.report["release"]
        assert release["state"] == "rejected"
        auc = self.report["evaluation"]["overall"]["auc"]
        assert release["told"] == f"is rejected: auc is {auc:.6g}, and at least 0.999 is required"
        assert queued_by(self.run) == "0"
        assert not serving(self.workspace, "strict").exists()

    def test_nobody_approves_queues_or_deploys_it(self, here: CommandLine) -> None:
        approved = here("models", "approve", self.report["version"], *self.options())
        assert approved.code == 1
        assert "at least 0.999 is required" in approved.err
        database = open_database(self.workspace.config(*STRICT).registry)
        version = find_named(database, "strict", self.report["version"])
        assert version is not None
        with pytest.raises(NotApproved, match="is rejected"):
            DeployQueue(database).put(version, system_actor())
        assert here("deploy", *self.options()).out == "nothing of strict waits to be deployed\n"
        assert not serving(self.workspace, "strict").exists()
