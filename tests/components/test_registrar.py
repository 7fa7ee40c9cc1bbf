"""Registrar and DeployQueue: what a version says about its model, and that it is handed on once."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from taxiway.errors import TaxiwayError
from taxiway.metadata.records import ArtifactRecord, NodeRecord
from taxiway.process.manifest import MANIFEST_FILE, digest, folder_digest, manifest_text
from taxiway.registry.database.session import Database, open_database
from taxiway.registry.deploy.queue import DeployQueue
from taxiway.registry.section import SqliteRegistry
from taxiway.registry.versions.records import Candidate, ModelVersion, list_versions
from tests.conftest import REPOSITORY
from tests.taxiway.evaluation.asked import SPEC
from tests.taxiway.evaluation.conftest import Evaluated

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("evaluation")]


@pytest.fixture
def logic() -> Any:
    from components.registrar import logic

    return logic


def test_a_record_is_the_version_as_plain_values(logic: Any) -> None:
    candidate = Candidate("parcels", "r1", "m", "c", "p", "/serving/1", {"auc": 0.7})
    version = ModelVersion(
        (1, 2, 3), candidate, "2026-01-01T00:00:00Z", name="1.2.3", reasons={"major": "stayed 1"}
    )
    assert json.loads(json.dumps(logic.record(version))) == {
        "version": "1.2.3",
        "created_at": "2026-01-01T00:00:00Z",
        "reasons": {"major": "stayed 1"},
        **dataclasses.asdict(candidate),
    }


class TestBaseline:
    """What a version remembers of the model that it was compared with."""

    @pytest.fixture(autouse=True)
    def _evaluated(self, compared: Evaluated, alone: Evaluated, tmp_path: Path) -> None:
        from taxiway.evaluation.results import read_metrics

        self.compared, self.alone = (read_metrics(one.uri) for one in (compared, alone))
        self.folder = tmp_path / "baseline"
        self.folder.mkdir()
        (self.folder / "saved_model.pb").write_bytes(b"before")

    def found(
        self,
        logic: Any,
        folder: str,
        known: Mapping[str, ModelVersion],
        unusable: str = "",
    ) -> dict[str, Any]:
        slices = self.compared if folder or unusable else self.alone
        better = {"auc": "higher", "binary_crossentropy": "lower"}
        return dict(logic.baseline_of(slices, folder, unusable, better, "auc", known.get))

    def test_it_is_known_by_its_content_with_metrics_of_the_same_rows(self, logic: Any) -> None:
        content = folder_digest(self.folder)
        candidate = Candidate("parcels", "r1", content, "c", "p", "/serving/1", {"auc": 0.1})
        version = ModelVersion((1, 2, 3), candidate, "", name="1.2.3")
        found = self.found(logic, str(self.folder), {content: version})
        assert (found["version"], found["run_id"]) == ("1.2.3", "r1")
        assert found["model_digest"] == content
        whole = self.compared[0]
        for name in ("auc", "binary_crossentropy", "example_count"):
            assert found["metrics"][name] + found["change"][name] == pytest.approx(
                whole.metrics[name]
            )
        assert found["change"]["auc"] < 0 < found["change"]["binary_crossentropy"]
        assert (found["main_metric"], found["better"]["binary_crossentropy"]) == ("auc", "lower")

    def test_one_that_was_never_pushed_has_no_version_and_is_compared_with_all_the_same(
        self, logic: Any
    ) -> None:
        found = self.found(logic, str(self.folder), {})
        assert (found["version"], found["model_digest"]) == ("", folder_digest(self.folder))
        assert found["change"]

    def test_one_that_is_gone_since_has_neither_version_nor_digest(self, logic: Any) -> None:
        found = self.found(logic, str(self.folder / "gone"), {})
        assert (found["version"], found["model_digest"]) == ("", "")
        assert found["change"]

    def test_without_one_nothing_is_said(self, logic: Any) -> None:
        assert self.found(logic, "", {}) == {}

    def test_of_one_that_could_not_be_used_the_reason_is_kept(self, logic: Any) -> None:
        assert self.found(logic, "", {}, "it is gone") == {"unusable": "it is gone"}


class TestFacts:
    """What a run knows for the model card, from files as TFX writes them."""

    def test_ranges_are_those_of_the_train_split(self, tmp_path: Path) -> None:
        from tensorflow_metadata.proto.v0 import statistics_pb2

        from components.registrar.facts import range_facts

        made = statistics_pb2.DatasetFeatureStatisticsList()
        features = made.datasets.add().features
        temp = features.add(type=statistics_pb2.FeatureNameStatistics.FLOAT)
        temp.path.step.append("temp")
        temp.num_stats.min, temp.num_stats.max = -4.5, 31.0
        temp.num_stats.common_stats.num_missing = 1
        temp.num_stats.common_stats.num_non_missing = 3
        origin = features.add(type=statistics_pb2.FeatureNameStatistics.STRING)
        origin.path.step.append("origin")
        origin.string_stats.unique = 2
        for value in ("JFK", "x" * 500):
            origin.string_stats.top_values.add(value=value)
        folder = tmp_path / "Split-train"
        folder.mkdir()
        (folder / "FeatureStats.pb").write_bytes(made.SerializeToString())
        assert range_facts(str(tmp_path), SPEC) == {
            "temp": {"missing": 0.25, "min": -4.5, "max": 31.0},
            "origin": {"missing": 0.0, "unique": 2, "values": ["JFK", "x" * 100]},
        }

    def test_spans_are_numbers_and_an_older_artifact_has_the_newest_alone(self) -> None:
        from components.registrar.facts import data_facts

        examples = {"span": 3, "spans": "1,2,3", "digest": "d", "rows_train": 7}
        data = data_facts(examples, {"sha256": "s"})
        assert data == {"spans": [1, 2, 3], "digest": "d", "rows_train": 7, "schema_sha256": "s"}
        assert data_facts({"span": 3}, {})["spans"] == [3]

    def test_worst_slices_come_with_their_metric_and_intervals(self) -> None:
        from components.registrar.facts import evaluation_facts
        from taxiway.evaluation.ranking import Ranking
        from taxiway.evaluation.results import SliceMetrics

        names = ["overall", *(f"origin={index}" for index in range(9))]
        slices = [
            SliceMetrics(name, {"auc": 0.9 - place / 100}, {}, {}, {"auc": (0.1, 0.9)})
            for place, name in enumerate(names)
        ]
        told = evaluation_facts(slices, Ranking("auc", True, 1))
        assert told["overall"]["intervals"] == {"auc": [0.1, 0.9]}
        assert [one["name"] for one in told["worst_slices"]] == names[:4:-1]
        assert (told["slices"], told["ranked_by"]) == (9, "auc")
        assert evaluation_facts(slices, Ranking("", False, 1))["worst_slices"] == []


class TestTheComponents:
    """The TFX faces of both, one after the other, on artifacts of the tiny model in folders."""

    @pytest.fixture(autouse=True)
    def _artifacts(self, tmp_path: Path, alone: Evaluated) -> None:
        from tensorflow_metadata.proto.v0 import statistics_pb2
        from tfx.types import standard_artifacts as tfx

        from components import artifacts

        self.folder = tmp_path
        self.inputs = {
            "examples": tfx.Examples(),
            "statistics": tfx.ExampleStatistics(),
            "schema": tfx.Schema(),
            "transform_graph": tfx.TransformGraph(),
            "hyperparameters": tfx.HyperParameters(),
            "evaluation": tfx.ModelEvaluation(),
            "blessing": tfx.ModelBlessing(),
            "infra_blessing": tfx.InfraBlessing(),
            "manifest": artifacts.ModelManifest(),
            "pushed_model": tfx.PushedModel(),
        }
        for artifact in self.inputs.values():
            artifact.uri = str(tmp_path)
        self.inputs["evaluation"].uri = alone.uri
        self.inputs["examples"].set_string_custom_property("spans", "1,2")
        self.inputs["infra_blessing"].set_int_custom_property("blessed", 1)
        self.inputs["infra_blessing"].set_float_custom_property("latency_p99_ms", 1.5)
        self.inputs["blessing"].set_int_custom_property("blessed", 1)
        self.inputs["pushed_model"].set_string_custom_property("pushed_destination", "/serving/7")
        self.inputs["pushed_model"].set_string_custom_property("pipeline_run_id", "r1")
        self.inputs["pushed_model"].uri = "/copies/7"
        shutil.copy(REPOSITORY / "tests" / "tiny" / "schema.pbtxt", tmp_path)
        (tmp_path / MANIFEST_FILE).write_text(f"{'a' * 64}  saved_model.pb\n")
        (tmp_path / "best_hyperparameters.txt").write_text('{"epochs": 5}')
        made = statistics_pb2.DatasetFeatureStatisticsList()
        made.datasets.add()
        (tmp_path / "Split-train").mkdir()
        (tmp_path / "Split-train" / "FeatureStats.pb").write_bytes(made.SerializeToString())
        self.version = artifacts.ModelVersion()
        self.version.uri = str(tmp_path)
        path = str(tmp_path / "registry" / "registry.sqlite")
        self.section = SqliteRegistry(kind="sqlite", path=path)

    @property
    def database(self) -> Database:
        return open_database(self.section)

    def register(self) -> None:
        from components.registrar.component import Registrar_Executor

        Registrar_Executor().Do(
            {key: [value] for key, value in self.inputs.items()},
            {"model_version": [self.version]},
            {
                "model_name": "parcels",
                "module": "tests.tiny",
                "pipeline_digest": "p",
                "registry": self.section.model_dump_json(),
                "evaluation_config": '{"slices": [["region"]]}',
                "infra_validation": "{}",
                "allowed_operations": "[]",
            },
        )

    def queue(self) -> int:
        from tfx.types.standard_artifacts import Integer

        from components.deploy_queue.component import DeployQueue_Executor

        queued = Integer()
        queued.uri = str(self.folder / "queued")
        parameters = {"registry": self.section.model_dump_json()}
        DeployQueue_Executor().Do(
            {"model_version": [self.version]}, {"queued": [queued]}, parameters
        )
        return int(queued.read())

    def lost(self) -> list[str]:
        """What each of them finds missing of what a run of it has left."""
        from components.deploy_queue import component as deploy_queue
        from components.registrar import component as registrar

        names = ("model_name", "version_name", "digest")
        properties = {name: getattr(self.version, name) for name in names}
        properties["pushed_to"] = self.version.get_string_custom_property("pushed_to")
        made = ArtifactRecord(1, "ModelVersion", self.version.uri, properties)
        records = [NodeRecord("Registrar", 1, "COMPLETE", 0.0, {"model_version": (made,)})]
        parameters = {"registry": self.section.model_dump_json()}
        return [one.lost(records, parameters) for one in (registrar, deploy_queue)]

    def test_the_version_is_in_the_registry_the_file_and_the_artifact(
        self, logic: Any, tmp_path: Path
    ) -> None:
        self.register()
        (version,) = list_versions(self.database, "parcels")
        assert json.loads((tmp_path / "version.json").read_text()) == logic.record(version)
        assert version.candidate.pushed_to == "/serving/7"
        assert version.candidate.run_id == "r1"
        assert version.candidate.metrics["example_count"] == 200
        assert self.version.model_name == "parcels"
        assert self.version.version_name == "1.0.0"
        assert self.version.digest == digest((tmp_path / MANIFEST_FILE).read_text())

    def test_the_version_has_the_contract_the_checks_and_what_the_card_is_filled_from(
        self,
    ) -> None:
        self.register()
        (version,) = list_versions(self.database, "parcels")
        hour = {"type": "whole number", "domain": {"min": 0, "max": 23}}
        assert version.candidate.contract["inputs"]["hour"] == hour
        assert version.candidate.contract["label"] == "delayed"
        checks = {"evaluator": True, "infra_validator": True, "manifest": False}
        checks |= {"signature": False}
        assert version.candidate.checks == checks  # neither folder is on this machine
        facts = version.candidate.facts
        assert facts["data"]["spans"] == [1, 2]
        assert facts["training"] == {"hyperparameters": {"epochs": 5}}
        assert facts["trial"] == {"latency_p99_ms": 1.5}
        assert {"name": "hour", **hour, "roles": ["Numeric", "Bucketized"]} in facts["columns"]
        assert facts["evaluation"]["overall"]["metrics"] == version.candidate.metrics

    @pytest.mark.parametrize("is_served", [True, False])
    def test_the_manifest_is_checked_where_the_push_or_its_copy_is_on_this_machine(
        self, tmp_path: Path, is_served: bool
    ) -> None:
        place = tmp_path / "serving" / "7"
        place.mkdir(parents=True)
        (place / "saved_model.pb").write_bytes(b"model")
        text = manifest_text({"saved_model.pb": hashlib.sha256(b"model").hexdigest()})
        for folder in (place, tmp_path):
            (folder / MANIFEST_FILE).write_text(text)
        pushed = self.inputs["pushed_model"]
        if is_served:
            pushed.set_string_custom_property("pushed_destination", str(place))
        else:
            pushed.uri = str(place)
        self.register()
        (version,) = list_versions(self.database, "parcels")
        assert version.candidate.checks["manifest"]
        assert version.candidate.model_digest == folder_digest(place)

    def test_a_registry_that_has_lost_what_was_written_is_seen(self, tmp_path: Path) -> None:
        """Whether it was emptied, or restored from a backup of before."""
        unknown = f"the registry {self.database.place} does not know the model that was "
        unknown += "parcels 1.0.0"
        not_queued = "the deploy queue's newest entry is not this push of parcels 1.0.0"
        self.register()
        assert self.lost() == ["", not_queued]
        shutil.copytree(tmp_path / "registry", tmp_path / "backup")
        self.queue()
        assert self.lost() == ["", ""]
        path = str(tmp_path / "backup" / "registry.sqlite")
        self.section = SqliteRegistry(kind="sqlite", path=path)
        assert self.lost() == ["", not_queued]
        path = str(tmp_path / "empty" / "registry.sqlite")
        self.section = SqliteRegistry(kind="sqlite", path=path)
        told = self.lost()
        assert told[0] == unknown.replace("/registry/", "/empty/")

    def test_a_record_of_another_push_is_seen(self) -> None:
        self.register()
        self.queue()
        self.version.set_string_custom_property("pushed_to", "/serving/8")
        assert self.lost() == [
            f"the registry {self.database.place} has another record of parcels 1.0.0 than was "
            "written",
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
        assert list_versions(self.database, "parcels") == []

    def test_a_version_is_queued_once(self) -> None:
        self.register()
        assert self.queue() == 1
        self.register()
        assert self.queue() == 0
        (entry,) = DeployQueue(self.database).waiting("parcels")
        assert (entry.version, entry.pushed_to) == ("1.0.0", "/serving/7")
