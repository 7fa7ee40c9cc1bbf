"""Registrar and DeployQueue: what a version says about its model, and that it is handed on once."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from taxiway.errors import TaxiwayError
from taxiway.metadata.records import ArtifactRecord, NodeRecord
from taxiway.modeling.spec import (
    Binary,
    Bucketized,
    Categorical,
    FeatureSpec,
    MultiClass,
    Numeric,
    Regression,
)
from taxiway.process.manifest import MANIFEST_FILE, digest
from taxiway.registry.deploy_queue import DeployQueue
from taxiway.registry.versions import Candidate, ModelVersion, list_versions
from tests.taxiway.evaluation.conftest import Evaluated

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("evaluation")]

NUMBERS = (Numeric("temp"), Numeric("wind"))
CATEGORIES = (Categorical("origin"), Categorical("carrier"))
SPEC = FeatureSpec(
    task=Binary("late"),
    key="id",
    columns=(*NUMBERS, *CATEGORIES),
    slices=("origin",),
)
SAME = {
    "another order": {"columns": SPEC.columns[::-1]},
    "another vocabulary": {
        "columns": (*NUMBERS, Categorical("origin", 5, 3, "embedding"), Categorical("carrier"))
    },
    "another clip": {"columns": (Numeric("temp", 2.0, True), Numeric("wind"), *CATEGORIES)},
    "one more role of a column": {"columns": (*SPEC.columns, Bucketized("temp", (1.0, 2.0)))},
    "a number in buckets instead": {
        "columns": (Numeric("temp"), *CATEGORIES, Bucketized("wind", (1.0,)))
    },
    "other slices": {"slices": ()},
    "another key": {"key": "row"},
}
DIFFERENT = {
    "another label": {"task": Binary("cancelled")},
    "one input more": {"columns": (*SPEC.columns, Numeric("humid"))},
    "one input less": {"columns": SPEC.columns[1:]},
    "an input renamed": {"columns": (Numeric("temp"), Numeric("wind_speed"), *CATEGORIES)},
    "a number that becomes a string": {
        "columns": (Numeric("temp"), *CATEGORIES, Categorical("wind"))
    },
    "another value that is yes": {"task": Binary("late", positive="no")},
    "several classes": {"task": MultiClass("late")},
    "a number": {"task": Regression("late")},
}


@pytest.fixture
def logic() -> Any:
    from components.registrar import logic

    return logic


@pytest.mark.parametrize("change", SAME)
def test_what_callers_do_not_see_keeps_the_contract(logic: Any, change: str) -> None:
    changed = dataclasses.replace(SPEC, **SAME[change])
    assert logic.contract_digest(changed) == logic.contract_digest(SPEC)


@pytest.mark.parametrize("change", DIFFERENT)
def test_what_callers_see_changes_the_contract(logic: Any, change: str) -> None:
    changed = dataclasses.replace(SPEC, **DIFFERENT[change])
    assert logic.contract_digest(changed) != logic.contract_digest(SPEC)


def test_the_contract_is_the_same_in_every_process(logic: Any) -> None:
    told = '{"inputs": {"carrier": "string", "temp": "number"}, "label": "late"}'
    spec = FeatureSpec(Binary("late"), "id", (Numeric("temp"), Categorical("carrier")))
    assert logic.contract_digest(spec) == hashlib.sha256(told.encode()).hexdigest()


def test_the_names_of_the_classes_and_their_order_are_of_the_contract(logic: Any) -> None:
    tasks = [MultiClass("late"), MultiClass("late", ("a", "b")), MultiClass("late", ("b", "a"))]
    digests = {logic.contract_digest(dataclasses.replace(SPEC, task=task)) for task in tasks}
    assert len(digests) == len(tasks)


def test_a_record_is_the_version_as_plain_values(logic: Any) -> None:
    candidate = Candidate("parcels", "r1", "m", "c", "p", "/serving/1", {"auc": 0.7})
    record = logic.record(ModelVersion((1, 2, 3), candidate, "2026-01-01T00:00:00Z"))
    assert json.loads(json.dumps(record)) == {
        "version": "1.2.3",
        "created_at": "2026-01-01T00:00:00Z",
        "model": "parcels",
        "run_id": "r1",
        "model_digest": "m",
        "contract_digest": "c",
        "pipeline_digest": "p",
        "pushed_to": "/serving/1",
        "metrics": {"auc": 0.7},
    }


class TestTheComponents:
    """The TFX faces of both, one after the other, on artifacts in folders."""

    @pytest.fixture(autouse=True)
    def _artifacts(self, tmp_path: Path, alone: Evaluated) -> None:
        from tfx.types.standard_artifacts import ModelEvaluation, PushedModel

        from components.artifacts import ModelManifest
        from components.artifacts import ModelVersion as VersionArtifact

        self.registry = tmp_path / "registry.sqlite"
        self.inputs = {"evaluation": ModelEvaluation(), "manifest": ModelManifest()}
        self.inputs |= {"pushed_model": PushedModel()}
        self.inputs["evaluation"].uri = alone.uri
        self.inputs["manifest"].uri = str(tmp_path)
        (tmp_path / MANIFEST_FILE).write_text(f"{'a' * 64}  saved_model.pb\n")
        self.inputs["pushed_model"].set_string_custom_property("pushed_destination", "/serving/7")
        self.version = VersionArtifact()
        self.version.uri = str(tmp_path)

    def register(self) -> None:
        from components.registrar.component import Registrar_Executor

        Registrar_Executor().Do(
            {key: [value] for key, value in self.inputs.items()},
            {"model_version": [self.version]},
            {
                "run_id": "r1",
                "model_name": "parcels",
                "module": "tests.tiny",
                "pipeline_digest": "p",
                "registry_path": str(self.registry),
            },
        )

    def queue(self) -> int:
        from tfx.types.standard_artifacts import Integer

        from components.deploy_queue.component import DeployQueue_Executor

        queued = Integer()
        queued.uri = str(self.registry.with_name("queued"))
        parameters = {"registry_path": str(self.registry), "lease_seconds": 60.0}
        DeployQueue_Executor().Do(
            {"model_version": [self.version]}, {"queued": [queued]}, parameters
        )
        return int(queued.read())

    def test_the_version_is_in_the_registry_the_file_and_the_artifact(
        self, logic: Any, tmp_path: Path
    ) -> None:
        from tests.tiny.features import SPEC as PARCELS

        self.register()
        (version,) = list_versions(self.registry, "parcels")
        assert json.loads((tmp_path / "version.json").read_text()) == logic.record(version)
        assert version.candidate.pushed_to == "/serving/7"
        assert version.candidate.contract_digest == logic.contract_digest(PARCELS)
        assert version.candidate.metrics["example_count"] == 200
        assert self.version.model_name == "parcels"
        assert self.version.version_name == "1.0.0"
        assert self.version.digest == digest((tmp_path / MANIFEST_FILE).read_text())

    def lost(self) -> list[str]:
        """What each of them finds missing of what a run of it has left."""
        from components.deploy_queue import component as deploy_queue
        from components.registrar import component as registrar

        names = ("model_name", "version_name", "digest")
        properties = {name: getattr(self.version, name) for name in names}
        properties["pushed_to"] = self.version.get_string_custom_property("pushed_to")
        made = ArtifactRecord(1, "ModelVersion", self.version.uri, properties)
        records = [NodeRecord("Registrar", 1, "COMPLETE", 0.0, {"model_version": (made,)})]
        parameters = {"registry_path": str(self.registry), "lease_seconds": 60.0}
        return [one.lost(records, parameters) for one in (registrar, deploy_queue)]

    def test_a_registry_that_has_lost_what_was_written_is_seen(self, tmp_path: Path) -> None:
        """Whether it was emptied, deleted, or restored from a backup of before."""
        unknown = f"the registry {self.registry} does not know the model that was parcels 1.0.0"
        not_queued = "the deploy queue's newest entry is not this push of parcels 1.0.0"
        self.register()
        assert self.lost() == ["", not_queued]
        shutil.copy(self.registry, tmp_path / "backup")
        self.queue()
        assert self.lost() == ["", ""]
        self.registry.unlink()
        assert self.lost() == [unknown, not_queued]
        shutil.copy(tmp_path / "backup", self.registry)
        assert self.lost() == ["", not_queued]
        with contextlib.closing(sqlite3.connect(self.registry)) as connection:
            connection.execute("DELETE FROM model_versions")
            connection.commit()
        assert self.lost() == [unknown, not_queued]

    def test_a_record_of_another_push_is_seen(self) -> None:
        self.register()
        self.queue()
        self.version.set_string_custom_property("pushed_to", "/serving/8")
        assert self.lost() == [
            f"the registry {self.registry} has another record of parcels 1.0.0 than was written",
            "the deploy queue's newest entry is not this push of parcels 1.0.0",
        ]

    def test_what_was_not_pushed_is_not_lost(self) -> None:
        from components.deploy_queue import component as deploy_queue
        from components.pusher import executor as pusher
        from components.registrar import component as registrar

        for one in (registrar, deploy_queue, pusher):
            assert one.lost([], {}) == ""

    def test_a_pushed_model_that_is_not_the_manifests_is_not_registered(
        self, tmp_path: Path
    ) -> None:
        place = tmp_path / "serving" / "7"
        place.mkdir(parents=True)
        (place / "saved_model.pb").write_bytes(b"another")
        (place / MANIFEST_FILE).write_text("of its own")
        self.inputs["pushed_model"].set_string_custom_property("pushed_destination", str(place))
        with pytest.raises(TaxiwayError) as refused:
            self.register()
        assert refused.value.message == (
            f"{place}: 'saved_model.pb' has changed (manifest: {tmp_path / MANIFEST_FILE})"
        )
        assert list_versions(self.registry, "parcels") == []

    def test_a_version_is_queued_once(self) -> None:
        self.register()
        assert self.queue() == 1
        self.register()
        assert self.queue() == 0
        assert DeployQueue(self.registry, 60).waiting() == 1
