"""A deployer publishes what is queued, once, above all that was there, and acknowledges."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.push import bucket as bucket_module
from taxiway.push.bucket import BucketPush
from taxiway.push.destination import Pushed
from taxiway.push.folder import FilesystemPush
from taxiway.registry.approval.recorded import recorded_policy
from taxiway.registry.approval.states import set_state
from taxiway.registry.auth.actor import Actor, NotAllowed, Role
from taxiway.registry.database.tables import deploy_queue, model_versions
from taxiway.registry.deploy.deployer import Deployer
from taxiway.registry.deploy.queue import DeployQueue, LeaseLost
from taxiway.registry.deploy.source import check
from taxiway.registry.signing.kinds import NoSigning
from tests.taxiway.registry.approval.releases import under
from tests.taxiway.registry.deploy.conftest import BEN, Site
from tests.taxiway.registry.deploy.folders import registered, saved_model


def states(site: Site) -> list[str]:
    with site.database.reading() as connection:
        query = deploy_queue.select().order_by(deploy_queue.c.id)
        return [row.state for row in connection.execute(query)]


def before_the_copy(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Does something as the next push begins to copy."""
    copy = shutil.copytree

    def copies(source: Path, target: Path, *options: Any) -> None:
        monkeypatch.setattr(shutil, "copytree", copy)
        act()
        copy(source, target, *options)

    monkeypatch.setattr(shutil, "copytree", copies)


class TestPublishing:
    """On every kind of database."""

    def test_what_is_queued_is_copied_to_where_it_serves_and_acknowledged(self, site: Site) -> None:
        version = site.queued("one")
        (outcome,) = site.deploy()
        assert (outcome.state, outcome.copied) == ("done", True)
        assert site.served() == ["one"]
        (deployment,) = site.history()
        assert deployment.subject == version.subject
        assert deployment.place == outcome.place == str(next(site.serving.iterdir()))
        assert (deployment.queued_by, deployment.deployed_by) == ("ann", "ben")
        assert deployment.since > version.created_at
        assert deployment.until == ""
        assert site.audited()[-2:] == [
            ("deploy.queued", version.subject),
            ("deploy.served", version.subject),
        ]
        assert site.deploy() == []
        assert len(site.history()) == 1

    def test_the_next_one_is_a_higher_number_and_the_one_before_ends(self, site: Site) -> None:
        first = site.queued("one")
        site.deploy()
        second = site.queued("two")
        site.deploy()
        assert site.served() == ["one", "two"]
        before, after = site.history()
        assert (before.subject, after.subject) == (first.subject, second.subject)
        assert before.until == after.since
        assert after.until == ""

    def test_a_rollback_is_published_above_what_it_takes_back(self, site: Site) -> None:
        first = site.queued("one")
        site.deploy()
        site.queued("two")
        site.deploy()
        assert site.queue(first, "rollback", "it is slow")
        site.deploy()
        assert site.served() == ["one", "two", "one"]
        assert [(one.action, one.reason) for one in site.history()] == [
            ("deploy", ""),
            ("deploy", ""),
            ("rollback", "it is slow"),
        ]

    def test_what_is_archived_meanwhile_is_refused_and_the_next_one_is_not(
        self, site: Site
    ) -> None:
        first, second = site.queued("one"), site.queued("two")
        with site.database.working() as connection:
            archived = update(model_versions).where(model_versions.c.id == first.id)
            connection.execute(archived.values(archived=True))
        refused, done = site.deploy()
        assert (refused.state, done.state) == ("refused", "done")
        assert "is archived" in refused.reason
        assert site.served() == ["two"]
        assert states(site) == ["refused", "done"]
        assert ("deploy.refused", first.subject) in site.audited()
        assert [one.subject for one in site.history()] == [second.subject]

    def test_a_deployer_that_died_after_it_published_leaves_nothing_to_be_copied(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site.queued("one")
        with monkeypatch.context() as patched:
            patched.setattr(Deployer, "_served", _dies)
            patched.setattr(DeployQueue, "give_back", _dies)
            with pytest.raises(SystemExit):
                site.deploy()
        assert site.served() == ["one"]
        assert site.history() == []
        assert site.deploy() == []  # it is held still
        site.ahead = site.database.settings.lease_seconds
        (outcome,) = site.deploy()
        assert (outcome.state, outcome.copied, outcome.entry.takes) == ("done", False, 2)
        assert site.served() == ["one"]
        assert len(site.history()) == 1


def _dies(*_: object, **__: object) -> None:
    raise SystemExit


class TestRefusals:
    """What may not serve, or cannot be had."""

    def test_what_is_rejected_meanwhile(self, file_site: Site) -> None:
        version = file_site.queued("one")
        with file_site.database.working() as connection:
            set_state(connection, version, "", "rejected", "it is unfair")
        (outcome,) = file_site.deploy()
        assert outcome.reason == "parcels/1.0.0 is rejected: it is unfair"
        assert not file_site.serving.exists()

    def test_what_is_rejected_while_it_is_copied(
        self, file_site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        version = file_site.queued("one")

        def reject() -> None:
            with file_site.database.working() as connection:
                set_state(connection, version, "", "rejected", "it is unfair")

        before_the_copy(monkeypatch, reject)
        (outcome,) = file_site.deploy()
        assert outcome.state == "refused"
        assert list(file_site.serving.iterdir()) == []

    def test_a_source_that_is_gone_everywhere(self, file_site: Site) -> None:
        version = file_site.queued("one")
        shutil.rmtree(file_site.store)
        (outcome,) = file_site.deploy()
        assert outcome.state == "refused"
        assert outcome.reason == (
            f"{version.subject} is nowhere whole, and run run-of-one made it: "
            f"{file_site.store / 'one'} is gone; {file_site.store / 'artifact-one'} is gone"
        )

    def test_a_source_that_is_gone_is_taken_from_another_place(self, file_site: Site) -> None:
        version = file_site.queued("one")
        shutil.move(version.candidate.pushed_to, version.candidate.artifact_uri)
        (outcome,) = file_site.deploy()
        assert outcome.state == "done"
        assert file_site.served() == ["one"]

    def test_a_version_that_is_only_where_it_once_served_is_taken_from_there(
        self, file_site: Site
    ) -> None:
        first = file_site.queued("one")
        file_site.deploy()
        file_site.queued("two")
        file_site.deploy()
        shutil.rmtree(file_site.store)
        file_site.queue(first, "rollback")
        assert [outcome.state for outcome in file_site.deploy()] == ["done"]
        assert file_site.served() == ["one", "two", "one"]

    @pytest.mark.parametrize(
        ("name", "content", "told"),
        [
            ("variables/variables.index", "changed", "'variables/variables.index' has changed"),
            ("more", "", "'more' is not in the manifest"),
            ("saved_model.pb", None, "'saved_model.pb' is missing"),
            ("MANIFEST.sha256", None, "MANIFEST.sha256 cannot be read"),
            ("MANIFEST.sha256", "text", "expected '<sha256>  <file>'"),
        ],
    )
    def test_a_source_that_is_not_whole(
        self, file_site: Site, name: str, content: str | None, told: str
    ) -> None:
        path = Path(file_site.queued("one").candidate.pushed_to) / name
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_text(content)
        (outcome,) = file_site.deploy()
        assert outcome.state == "refused"
        assert told in outcome.reason

    def test_a_source_that_is_whole_and_another_model(self, file_site: Site) -> None:
        version = file_site.queued("one")
        place = version.candidate.pushed_to
        saved_model(Path(place), "another")
        (outcome,) = file_site.deploy()
        assert f"{place} is another model than {version.subject}" in outcome.reason

    def test_a_source_in_a_bucket_for_a_folder(self, file_site: Site) -> None:
        file_site.queue(registered(file_site.database, "one", "gs://bucket/1"))
        (outcome,) = file_site.deploy()
        assert "gs://bucket/1 is in a bucket, and push.kind 'filesystem'" in outcome.reason

    def test_an_entry_whose_version_the_registry_does_not_know(self, file_site: Site) -> None:
        file_site.queued("one")
        with file_site.database.working() as connection:
            connection.execute(update(deploy_queue).values(version="9.9.9"))
        (outcome,) = file_site.deploy()
        assert outcome.reason.startswith("parcels has no version '9.9.9'")

    def test_what_was_refused_can_be_queued_again(self, file_site: Site) -> None:
        version = file_site.queued("one")
        Path(file_site.store / "one").rename(file_site.store / "away")
        file_site.deploy()
        Path(file_site.store / "away").rename(file_site.store / "one")
        assert file_site.queue(version)
        assert [outcome.state for outcome in file_site.deploy()] == ["done"]


class _Signing(NoSigning):
    """Takes the signature `good`, and `keyless` for one whose key it has not got."""

    @property
    def signs(self) -> bool:
        return True

    def verify(self, folder: Path, signature: str) -> None:
        if signature == "keyless":
            raise ConfigError("there is no public key")
        if signature != "good":
            raise TaxiwayError(f"{folder} has another signature")


class TestSignatures:
    """Where the config has versions signed."""

    @pytest.fixture(autouse=True)
    def _signs(self, file_site: Site) -> None:
        signing = _Signing(kind="none")
        settings = file_site.database.settings.model_copy(update={"signing": signing})
        file_site.database.settings = settings

    @staticmethod
    def signed(site: Site, signature: str) -> None:
        site.queued("one")
        with site.database.working() as connection:
            connection.execute(update(model_versions).values(signature=signature))

    def test_what_is_signed_is_published(self, file_site: Site) -> None:
        self.signed(file_site, "good")
        assert [outcome.state for outcome in file_site.deploy()] == ["done"]

    @pytest.mark.parametrize(
        ("signature", "told"), [("bad", "has another signature"), ("", "is not signed")]
    )
    def test_what_is_not_is_refused(self, file_site: Site, signature: str, told: str) -> None:
        self.signed(file_site, signature)
        (outcome,) = file_site.deploy()
        assert outcome.state == "refused"
        assert told in outcome.reason

    def test_a_key_that_the_deployer_has_not_got_is_not_the_entrys_fault(
        self, file_site: Site
    ) -> None:
        self.signed(file_site, "keyless")
        with pytest.raises(ConfigError, match="there is no public key"):
            file_site.deploy()
        assert states(file_site) == ["waiting"]

    def test_what_the_pusher_placed_unsigned_is_not_acknowledged(self, file_site: Site) -> None:
        file_site.queue(registered(file_site.database, "one", file_site.serving / "100"))
        assert [outcome.state for outcome in file_site.deploy()] == ["refused"]
        assert file_site.history() == []


class TestOrder:
    """Several entries that wait."""

    def test_what_a_later_entry_replaces_is_not_published_first(self, file_site: Site) -> None:
        file_site.queued("one")
        last = file_site.queued("two")
        superseded, done = file_site.deploy()
        assert superseded.state == "superseded"
        assert superseded.reason == f"{last.subject} was queued after it"
        assert done.copied
        assert file_site.served() == ["two"]
        assert ("deploy.superseded", superseded.entry.subject) in file_site.audited()

    def test_a_later_entry_that_cannot_be_published_replaces_nothing(self, file_site: Site) -> None:
        file_site.queued("one")
        shutil.rmtree(file_site.queued("two").candidate.pushed_to)
        assert [outcome.state for outcome in file_site.deploy()] == ["done", "refused"]
        assert file_site.served() == ["one"]


class TestWhatThePusherPlaced:
    """Without a policy the Pusher fills the serving folder, and a deployer acknowledges it."""

    @staticmethod
    def push(site: Site, content: str, number: int) -> None:
        site.queue(registered(site.database, content, site.serving / str(number)))

    def test_it_is_acknowledged_where_it_is(self, file_site: Site) -> None:
        self.push(file_site, "one", 100)
        (outcome,) = file_site.deploy()
        assert (outcome.place, outcome.copied) == (str(file_site.serving / "100"), False)
        assert file_site.served() == ["one"]

    def test_several_are_each_acknowledged_in_their_order(self, file_site: Site) -> None:
        self.push(file_site, "one", 100)
        self.push(file_site, "two", 101)
        assert [outcome.copied for outcome in file_site.deploy()] == [False, False]
        assert file_site.served() == ["one", "two"]
        assert [Path(one.place).name for one in file_site.history()] == ["100", "101"]

    def test_one_that_a_push_without_an_entry_has_replaced_is_not_put_above_it(
        self, file_site: Site
    ) -> None:
        """The other push is that of a run whose DeployQueue has not come yet."""
        self.push(file_site, "one", 100)
        saved_model(file_site.serving / "101", "two")
        assert [outcome.copied for outcome in file_site.deploy()] == [False]
        assert file_site.served() == ["one", "two"]

    def test_an_old_one_that_is_asked_for_again_is_published_above(self, file_site: Site) -> None:
        self.push(file_site, "one", 100)
        self.push(file_site, "two", 101)
        file_site.deploy()
        again = registered(file_site.database, "one", file_site.serving / "100")
        file_site.queue(again)
        assert [outcome.copied for outcome in file_site.deploy()] == [True]
        assert file_site.served() == ["one", "two", "one"]

    def test_one_that_was_damaged_since_is_published_from_elsewhere(self, file_site: Site) -> None:
        artifact = file_site.store / "artifact"
        saved_model(artifact, "one")
        version = registered(file_site.database, "one", file_site.serving / "100", artifact)
        file_site.queue(version)
        (file_site.serving / "100" / "saved_model.pb").unlink()
        (outcome,) = file_site.deploy()
        assert outcome.copied
        assert file_site.served() == ["one", "one"]


class TestSeveralDeployers:
    """At once, or one after another that gave up."""

    def test_two_at_once_publish_once(self, site: Site) -> None:
        site.queued("one")
        start = threading.Barrier(2)
        outcomes: list[str] = []

        def deploy() -> None:
            start.wait()
            outcomes.extend(outcome.state for outcome in site.deploy())

        threads = [threading.Thread(target=deploy) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes == ["done"]
        assert site.served() == ["one"]
        assert len(site.history()) == 1

    def test_one_whose_lease_ran_out_while_it_copied_publishes_nothing(
        self, file_site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file_site.queued("one")

        def overtake() -> None:
            file_site.ahead = file_site.database.settings.lease_seconds
            assert [outcome.state for outcome in file_site.deploy()] == ["done"]

        before_the_copy(monkeypatch, overtake)
        with pytest.raises(LeaseLost):
            file_site.deploy()
        assert len(file_site.history()) == 1
        assert file_site.served() == ["one"]

    def test_a_lease_is_renewed_for_as_long_as_the_copy_takes(
        self, file_site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        renewed, renew = threading.Event(), DeployQueue.renew

        def seen(queue: DeployQueue, entry: object) -> None:
            renew(queue, entry)  # type: ignore[arg-type]
            renewed.set()

        def wait() -> None:
            assert renewed.wait(60)

        settings = file_site.database.settings.model_copy(update={"lease_seconds": 0.5})
        file_site.database.settings = settings
        file_site.queued("one")
        monkeypatch.setattr(DeployQueue, "renew", seen)
        before_the_copy(monkeypatch, wait)
        assert [outcome.state for outcome in file_site.deploy()] == ["done"]


class TestWhatIsNotTheEntrysFault:
    """The entry waits for the next try."""

    def test_a_destination_that_cannot_be_written(self, file_site: Site) -> None:
        file_site.queued("one")
        file_site.serving.write_text("no folder")
        with pytest.raises(TaxiwayError, match="cannot push the model"):
            file_site.deploy()
        assert states(file_site) == ["waiting"]
        file_site.serving.unlink()
        assert [outcome.state for outcome in file_site.deploy()] == ["done"]

    def test_an_actor_who_may_not_deploy(self, file_site: Site) -> None:
        file_site.queued("one")
        viewer = Actor("eve", "token", Role.VIEWER)
        deployer = Deployer(file_site.database, file_site.push, viewer)
        with pytest.raises(NotAllowed):
            list(deployer.deploy("parcels"))
        assert states(file_site) == ["waiting"]

    def test_a_config_with_another_policy_than_the_recorded_one(self, file_site: Site) -> None:
        file_site.queued("one")
        changed = file_site.database.settings.model_dump(mode="json")
        changed["approval"] = {"kind": "required", "reviewers": 1}
        file_site.database.settings = type(file_site.database.settings).model_validate(changed)
        with pytest.raises(ConfigError, match="the policy on record"):
            file_site.deploy()
        assert states(file_site) == ["waiting"]


def test_what_served_once_stays_there(file_site: Site) -> None:
    for content in ("one", "two", "three"):
        file_site.queued(content)
        file_site.deploy()
    assert file_site.served() == ["one", "two", "three"]


def test_a_clock_that_was_set_back_ends_nothing_before_it_began(
    file_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from taxiway.registry.deploy import history

    file_site.queued("one")
    file_site.deploy()
    monkeypatch.setattr(history, "now", lambda: "2001-01-01T00:00:00.000000Z")
    file_site.queued("two")
    file_site.deploy()
    before, after = file_site.history()
    assert before.since == before.until == after.since


def test_the_place_that_a_deployer_fills_is_guarded_by_its_policy_from_then_on(
    file_site: Site,
) -> None:
    file_site.queued("one")
    place = str(file_site.serving)
    file_site.database = under(file_site.database, guards=place)
    assert [outcome.state for outcome in file_site.deploy()] == ["done"]
    with file_site.database.reading() as connection:
        record = recorded_policy(connection, "parcels", "")
        assert record is not None
        assert record.destinations == (place,)


def test_a_deployer_of_another_environment_finds_nothing(file_site: Site) -> None:
    file_site.queued("one")
    settings = file_site.database.settings.model_copy(update={"environment": "production"})
    file_site.database.settings = settings
    push = FilesystemPush(kind="filesystem", destination=str(file_site.serving))
    assert list(Deployer(file_site.database, push, BEN).deploy("parcels")) == []


@pytest.mark.pipeline
def test_a_bucket_is_filled_from_a_folder_and_acknowledged(
    file_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TensorFlow's own file system in memory stands for a bucket."""
    in_bucket = partial(_in_memory, bucket_module.push_by_gfile)
    monkeypatch.setattr(bucket_module, "push_by_gfile", in_bucket)
    version = file_site.queued("one")
    push = BucketPush(kind="bucket", destination="gs://deployed/serving")
    (outcome,) = Deployer(file_site.database, push, BEN).deploy("parcels")
    assert (outcome.state, outcome.copied) == ("done", True)
    assert outcome.place.startswith("ram://deployed/serving/")
    check(version, outcome.place)
    assert [one.place for one in file_site.history()] == [outcome.place]


def _in_memory(push: Callable[..., Pushed], model: str, destination: str, **options: Any) -> Pushed:
    return push(model, destination.replace("gs://", "ram://"), **options)
