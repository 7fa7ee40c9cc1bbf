"""What a run is: every key of the YAML, its type, its default and its meaning."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from taxiway.config.beam import Beam, DirectBeam
from taxiway.config.clusters import Kubeflow, Vertex
from taxiway.config.engine import Engine
from taxiway.config.evaluation import Evaluation
from taxiway.config.metadata import Metadata, SqliteMetadata
from taxiway.config.places import with_places
from taxiway.config.section import EnvName, Fraction, Frozen, Name


class Pipeline(Frozen):
    """The pipeline as TFX sees it."""

    name: Name
    cache: bool = True
    """Reuse a node's earlier outputs when its inputs, parameters and model code are the same."""


class Output(Frozen):
    """Where a run leaves things."""

    root: str = "var"

    def pipeline_root(self, pipeline_name: str) -> str:
        """Where TFX keeps a pipeline's artifacts."""
        return f"{self.root}/pipelines/{pipeline_name}"

    def report_folder(self, run_id: str) -> str:
        """Where a run's report, log and resolved config are kept."""
        return f"{self.root}/reports/{run_id}"


class NewestSpan(Frozen):
    """The newest span found on disk."""

    kind: Literal["newest"]


class NamedSpan(Frozen):
    """One span, by number."""

    kind: Literal["named"]
    span: Annotated[int, Field(ge=0)]


class SpanWindow(Frozen):
    """The last `length` spans, up to `end` or to the newest on disk."""

    kind: Literal["window"]
    length: Annotated[int, Field(ge=1)]
    end: Annotated[int, Field(ge=0)] | None = None


class HashSplit(Frozen):
    """A row goes to train or eval by the hash of its key: stable over runs and row orders."""

    kind: Literal["hash"]
    eval_fraction: Fraction = 0.2


class TimeSplit(Frozen):
    """The newest span of the window is the eval split, all earlier ones the train split."""

    kind: Literal["time"]


class Export(Frozen):
    """What `taxiway data` writes."""

    spans: tuple[Annotated[int, Field(ge=1)], ...]
    keep_fraction: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Share of rows kept, chosen by row key; below 1 only to make a small data set for tests."""


class Data(Frozen):
    """The input spans and how they become examples."""

    dataset: Name
    format: Literal["parquet", "csv"] = "parquet"
    """In CSV each line is a row: a quoted cell that goes on over a line end is refused."""
    root: str = ""
    """Folder of the spans; empty means `<output.root>/data/<dataset>`."""
    pattern: str = ""
    """TFX span pattern below root; empty means `span-{SPAN}/*.<format>`."""
    schema_file: str = ""
    """Curated schema; empty means `schema.pbtxt` in the model's folder."""
    spans: Annotated[NewestSpan | NamedSpan | SpanWindow, Field(discriminator="kind")]
    split: Annotated[HashSplit | TimeSplit, Field(discriminator="kind")]
    on_bad_row: Literal["fail", "drop"] = "fail"
    shards: Annotated[int, Field(ge=1)] = 4
    """TFRecord files for each split, as many as are written, and later read, at a time."""
    compression: Literal["gzip", "none"] = "gzip"
    """Of those files; without it they are five times as large and written a little faster."""
    export: Export

    @model_validator(mode="after")
    def _time_split_needs_two_spans(self) -> Data:
        one_span = not isinstance(self.spans, SpanWindow) or self.spans.length < 2
        if isinstance(self.split, TimeSplit) and one_span:
            raise ValueError(
                "split.kind 'time' needs spans.kind 'window' with length of 2 or more: "
                "the newest span is the eval split and the earlier ones are the train split"
            )
        return self


class DataGate(Frozen):
    """Which findings of the validators stop a run before Transform."""

    stop_on: tuple[Literal["ERROR", "WARNING"], ...] = ("ERROR",)
    """Severities of schema anomalies that stop the run."""
    on_drift: Literal["warn", "stop"] = "warn"
    drift_threshold: Annotated[float, Field(gt=0.0)] = 0.3
    """Largest allowed distance between train and eval: L-infinity for categorical columns,
    Jensen-Shannon divergence for numeric ones (TFDV's two comparators)."""


class Transform(Frozen):
    """What Transform leaves behind."""

    materialize: bool = False
    """Write transformed examples too. Without them the Trainer applies the graph as it reads."""


class Hyperparameters(Frozen):
    """What the Trainer learns with; reaches it as an imported artifact, not as code."""

    hidden_units: tuple[Annotated[int, Field(ge=1)], ...]
    embedding_size: Annotated[int, Field(ge=1)] = 8
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    l2: Annotated[float, Field(ge=0.0)] = 0.0
    """Weight of the squared-weights penalty on the hidden layers."""
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3
    batch_size: Annotated[int, Field(ge=1)] = 512
    epochs: Annotated[int, Field(ge=1)] = 10
    early_stopping_patience: Annotated[int, Field(ge=1)] = 2
    validation_fraction: Fraction = 0.1
    """Share of the train split held back for early stopping; the eval split is never seen."""
    positive_weight: Annotated[float, Field(ge=1.0)] | Literal["balanced"] = "balanced"
    """Weight of the positive class while training; undone in the exported model's logit."""
    seed: int = 42


class Model(Frozen):
    """The model folder and what it is trained with."""

    name: Name
    module: str = "models.flights"
    """Import path of the one folder a fork replaces."""
    code_digest: str = ""
    """Filled in when the config is loaded: sha256 of the model code, part of the cache key."""
    hyperparameters: Hyperparameters


class InfraValidation(Frozen):
    """The trial of the exported model in a worker process of its own."""

    requests: Annotated[int, Field(ge=1)] = 50
    rows_per_request: Annotated[int, Field(ge=1)] = 1
    latency_budget_ms: Annotated[float, Field(gt=0)] = 100.0
    """Budget of the 99th percentile of request latency, after one warm-up request."""
    load_timeout_seconds: Annotated[float, Field(gt=0)] = 120.0
    request_timeout_seconds: Annotated[float, Field(gt=0)] = 20.0
    """TensorFlow itself waits 10 s before it says that it is out of memory."""
    memory_limit_mb: Annotated[int, Field(ge=512)] = 4096
    """Limit of the worker's data segment; TensorFlow alone needs most of the least allowed."""


class Container(Frozen):
    """How container components run on this machine."""

    engine: Literal["auto", "docker", "podman", "host"] = "auto"
    """auto: Docker, else Podman, else the same command as a process of the host."""
    image: str = "debian:trixie-slim"


class Push(Frozen):
    """Where blessed models go."""

    destination: str = ""
    """Serving folder; empty means `<output.root>/serving/<model.name>`."""


class Registry(Frozen):
    """Where model versions and the deploy queue are kept."""

    path: str = ""
    """SQLite file; empty means `<output.root>/registry.sqlite`."""
    lease_seconds: Annotated[float, Field(gt=0)] = 300.0
    """How long a deployer holds what it took from the queue before another may take it."""


class NotifyNone(Frozen):
    """Tell no one."""

    kind: Literal["none"]


class NotifyFile(Frozen):
    """Append one JSON line a run to a file."""

    kind: Literal["file"]
    path: str = ""
    """Empty means `<output.root>/notifications.jsonl`."""


class NotifyWebhook(Frozen):
    """POST the summary as JSON; the address is a secret and stays in the environment."""

    kind: Literal["webhook"]
    url_env: EnvName = "TAXIWAY_WEBHOOK_URL"
    timeout_seconds: Annotated[float, Field(gt=0)] = 10.0


Notify = Annotated[NotifyNone | NotifyFile | NotifyWebhook, Field(discriminator="kind")]


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
    infra_validation: InfraValidation = InfraValidation()
    container: Container = Container()
    push: Push = Push()
    registry: Registry = Registry()
    notify: Notify = NotifyNone(kind="none")
    engine: Engine = Engine()
    beam: Beam = DirectBeam(kind="direct")
    kubeflow: Kubeflow = Kubeflow()
    vertex: Vertex = Vertex()

    @model_validator(mode="before")
    @classmethod
    def _fill_paths(cls, raw: Any) -> Any:
        """Writes the places that follow from output.root, so that the resolved config is whole."""
        return with_places(raw) if isinstance(raw, dict) else raw
