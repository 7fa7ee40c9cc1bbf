"""A whole run: every section of the YAML, each explained where its class is.

`taxiway config explain KEY` prints what the classes say, docs/reference/config.md all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue, field_validator, model_validator

from taxiway.config.beam import Beam, DirectBeam
from taxiway.config.clusters import Kubeflow, Vertex
from taxiway.config.components import checked_settings, settings_class
from taxiway.config.container import Container
from taxiway.config.cost import Cost
from taxiway.config.data import Data
from taxiway.config.engine import Engine
from taxiway.config.evaluation import Evaluation
from taxiway.config.gates import DataGate, InfraValidation
from taxiway.config.goals import Goals
from taxiway.config.model import Model, Transform
from taxiway.config.places import with_places
from taxiway.config.serving import Serving
from taxiway.config.tracking import Tracking, TrackingNone
from taxiway.config.ui import Ui
from taxiway.delivery.section import Delivery
from taxiway.metadata.connection import Metadata, SqliteMetadata
from taxiway.notify import Notify, NotifyNone
from taxiway.push import Push, push_to
from taxiway.push.bucket import BucketPush
from taxiway.push.folder import FilesystemPush
from taxiway.registry.section import Registry, SqliteRegistry
from taxiway.section import Frozen, ModuleName, Name


class Pipeline(Frozen):
    """The pipeline as TFX sees it."""

    name: Name
    """Of its runs and artifacts; two pipelines on one store need two."""
    module: ModuleName = "pipelines.training"
    """Import path of the file that wires it; commands set it from the name they are given."""
    cache: bool = True
    """Reuse a node's earlier outputs when its inputs, parameters and model code are the same."""
    components: Mapping[str, Any] = {}
    """Settings of your own components, by folder: of the class `Settings` in its settings.py."""

    @field_validator(
        "components", mode="plain", json_schema_input_type=dict[str, dict[str, JsonValue]]
    )
    @classmethod
    def _of_the_components_classes(cls, value: Any) -> Mapping[str, Frozen]:
        if not isinstance(value, dict):
            raise ValueError("expected a mapping from a component to its settings")
        return checked_settings(value)


class Output(Frozen):
    """Where a run leaves things."""

    root: str = "var"
    """Folder of everything that a run leaves, unless another key places it elsewhere."""

    def pipeline_root(self, pipeline_name: str) -> str:
        """Where TFX keeps a pipeline's artifacts."""
        return f"{self.root}/pipelines/{pipeline_name}"

    def report_folder(self, run_id: str) -> str:
        """Where a run's report, log and resolved config are kept."""
        return f"{self.root}/reports/{run_id}"


class Config(Frozen):
    """A whole run. `configs/base.yaml` says every key once."""

    pipeline: Pipeline
    output: Output = Output()
    metadata: Metadata = SqliteMetadata(kind="sqlite")
    data: Data
    data_gate: DataGate = DataGate()
    transform: Transform = Transform()
    model: Model
    evaluation: Evaluation
    goals: Goals = ()
    """What the project wants of a run; its report says of each whether it is met."""
    infra_validation: InfraValidation = InfraValidation()
    container: Container = Container()
    push: Push = FilesystemPush(kind="filesystem")
    registry: Registry = SqliteRegistry(kind="sqlite")
    notify: Notify = NotifyNone(kind="none")
    tracking: Tracking = TrackingNone(kind="none")
    serving: Serving = Serving()
    ui: Ui = Ui()
    delivery: Delivery = Delivery()
    engine: Engine = Engine()
    beam: Beam = DirectBeam(kind="direct")
    cost: Cost = Cost()
    kubeflow: Kubeflow = Kubeflow()
    vertex: Vertex = Vertex()

    def settings(self, component: str) -> str:
        """Settings of one of your own components as JSON: the config's, else all defaults.

        Args:
          component: the name of its folder in `components/`.
        """
        found: Frozen = self.pipeline.components.get(component) or settings_class(component)()
        return found.model_dump_json()

    @property
    def push_target(self) -> Push:
        """Where the Pusher puts a model: where it serves, or in the store where it has to wait."""
        if not self.registry.approval.holds_back:
            return self.push
        return push_to(self.registry.store)

    @model_validator(mode="after")
    def _a_store_can_be_published_from(self) -> Config:
        """A folder is filled from a folder, and a bucket from either."""
        store, held = self.registry.store, self.registry.approval.holds_back
        if held and "://" in store and not store.startswith("gs://"):
            raise ValueError(
                f"registry.store is {store}, expected a folder or gs://...: TensorFlow opens no "
                "other bucket by itself"
            )
        target = self.push_target
        if isinstance(target, BucketPush) and isinstance(self.push, FilesystemPush):
            raise ValueError(
                f"registry.store is {target.destination} and push.destination "
                f"{self.push.destination}: what waits in a bucket is not published to a folder; "
                "give registry.store a folder, or push.destination a bucket"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _fill_paths(cls, raw: Any) -> Any:
        """Writes the places that follow from output.root, so that the resolved config is whole."""
        return with_places(raw) if isinstance(raw, dict) else raw
