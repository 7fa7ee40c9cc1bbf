"""Small data of each task, drawn from a known truth, and models that learn it by the real parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from taxiway.config.model import Hyperparameters
from taxiway.modeling.spec import (
    Binary,
    Bucketized,
    Categorical,
    FeatureSpec,
    MultiClass,
    Numeric,
    Regression,
)

Table = Mapping[str, np.ndarray]
"""Raw columns; NaN and "" are missing values."""

SPECIES: Final = ("Adélie", "Chinstrap", "Gentoo")
PENGUINS: Final = FeatureSpec(
    task=MultiClass("species"),
    columns=(
        Numeric("bill length (mm)"),
        Numeric("bill depth (mm)"),
        Numeric("flipper"),
        Numeric("mass", indicator=True),
        Categorical("island", max_vocabulary=5),
    ),
)
_RIDE: Final = (
    Numeric("miles"),
    Numeric("minutes", indicator=True),
    Bucketized("hour", boundaries=(6.0, 12.0, 18.0)),
    Categorical("payment", max_vocabulary=5),
    Categorical("company", max_vocabulary=30, encoding="embedding"),
)
TIPS: Final = FeatureSpec(task=Binary("tipped", positive="yes"), columns=(*_RIDE, Numeric("fare")))
FARES: Final = FeatureSpec(task=Regression("fare"), columns=_RIDE)


def penguins(rows: int, seed: int = 0) -> Table:
    """Three species that differ in size, and live on three islands."""
    random = np.random.default_rng(seed)
    species = random.choice(3, rows, p=[0.44, 0.2, 0.36])
    length = np.array([38.8, 48.8, 47.5])[species] + random.normal(0, 3.0, rows)
    depth = np.array([18.3, 18.4, 15.0])[species] + random.normal(0, 1.1, rows)
    flipper = np.array([190.0, 196.0, 217.0])[species] + random.normal(0, 6.6, rows)
    mass = np.array([3700.0, 3733.0, 5076.0])[species] + random.normal(0, 450.0, rows)
    shares = np.array([[0.3, 0.4, 0.3], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    islands = np.array([random.choice(3, p=shares[one]) for one in species])
    return {
        "species": np.array(SPECIES)[species],
        "bill length (mm)": length,
        "bill depth (mm)": depth,
        "flipper": flipper,
        "mass": np.where(random.random(rows) < 0.03, np.nan, mass),
        "island": np.array(["Biscoe", "Dream", "Torgersen"])[islands],
    }


def rides(rows: int, seed: int = 0) -> Table:
    """Taxi rides: a fare by way and time, and a tip that depends on how it is paid."""
    random = np.random.default_rng(seed)
    miles = random.lognormal(0.8, 0.6, rows)
    minutes = 4.0 + 3.2 * miles + random.gamma(2.0, 2.0, rows)
    hour = random.integers(0, 24, rows)
    payment = random.choice(["Cash", "Credit Card", "Mobile", ""], rows, p=[0.5, 0.4, 0.07, 0.03])
    company = random.integers(0, 25, rows)
    fare = 3.25 + 2.25 * miles + 0.25 * minutes + random.normal(0, 1.0, rows)
    fare = fare + np.where(hour >= 18, 1.0, 0.0)
    logit = np.select([payment == "Cash", payment == "Credit Card"], [-5.0, 1.6], -1.0)
    logit = logit - 0.06 * miles + 0.05 * (company % 5)
    return {
        "tipped": np.where(random.random(rows) < 1 / (1 + np.exp(-logit)), "yes", "no"),
        "fare": fare,
        "miles": miles,
        "minutes": np.where(random.random(rows) < 0.05, np.nan, minutes),
        "hour": hour.astype(np.int64),
        "payment": payment,
        "company": np.array([f"Company {one}" for one in company]),
    }


def examples(table: Table) -> list[bytes]:
    """Its rows as the tf.Examples that ArrowExampleGen would write."""
    import tensorflow as tf

    found = []
    for row in range(len(next(iter(table.values())))):
        example = tf.train.Example()
        for name, column in table.items():
            value = column[row].item()
            if value == "" or value != value:
                continue
            feature = example.features.feature[name]
            if isinstance(value, str):
                feature.bytes_list.value.append(value.encode())
            elif isinstance(value, float):
                feature.float_list.value.append(value)
            else:
                feature.int64_list.value.append(value)
        found.append(example.SerializeToString())
    return found


def raw_spec(table: Table) -> dict[str, Any]:
    """How tf.Transform parses its columns."""
    import tensorflow as tf

    kinds = {"U": tf.string, "i": tf.int64, "f": tf.float32}
    return {n: tf.io.VarLenFeature(kinds[column.dtype.kind]) for n, column in table.items()}


@dataclass(frozen=True)
class Small:
    """A model that has learned a table, and the parts that it was made of."""

    spec: FeatureSpec
    folder: Path
    network: Any
    head: Any
    labels: Any
    transform: Any

    @property
    def model(self) -> Path:
        return self.folder / "model"

    def transformed(self, table: Table) -> Any:
        """Its rows as the network reads them."""
        from taxiway.modeling.training.dataset import Rows

        columns = {
            name: np.asarray(value)
            for name, value in self.transform(parsed(examples(table), raw_spec(table))).items()
        }
        labels = self.labels.numbered(columns.pop(self.spec.label)).numpy()
        wide = {n: v.reshape(-1, 1) if v.ndim == 1 else v for n, v in columns.items()}
        return Rows(wide, labels)


def parsed(serialized: Sequence[bytes], spec: Mapping[str, Any]) -> Any:
    import tensorflow as tf

    return tf.io.parse_example(tf.constant(list(serialized)), dict(spec))


def learned(
    spec: FeatureSpec, table: Table, folder: Path, hyperparameters: Hyperparameters | None = None
) -> Small:
    """Transform's analysis, the Trainer's `train`, and what it saves, without TFX around them."""
    import tensorflow as tf

    from taxiway.arrow.transform.analysis import analyze
    from taxiway.modeling.exported.signatures import ServedModel
    from taxiway.modeling.preprocessing import transform
    from taxiway.modeling.tasks import labels_of
    from taxiway.modeling.training.dataset import read_rows
    from taxiway.modeling.training.trainer import train
    from taxiway.workers.active import working
    from taxiway.workers.inline import InlineWorkers
    from taxiway.workers.job import Shard

    settings = hyperparameters or Hyperparameters()
    raw, path = raw_spec(table), str(folder / "rows")
    with tf.io.TFRecordWriter(path) as file:
        for one in examples(table):
            file.write(one)
    with working(InlineWorkers(kind="inline")):
        analyzed = analyze(
            lambda inputs: transform(spec, inputs), raw, [Shard(path)], str(folder / "transform")
        )
    graph = tf.saved_model.load(analyzed.saved_model).transform_fn
    labels = labels_of(spec.task, vocabulary_in(Path(analyzed.saved_model)))
    rows = read_rows([path], raw, labels, graph)
    network, head = train(spec, labels, settings, rows, folder)
    served = ServedModel(spec, labels, analyzed.saved_model, raw, network, head)
    served.save(str(folder / "model"))
    return Small(spec, folder, network, head, labels, graph)


def vocabulary_in(saved_model: Path) -> Callable[[str], list[bytes]]:
    """As TFTransformOutput.vocabulary_by_name gives it."""
    return lambda name: (saved_model / "assets" / name).read_bytes().splitlines()
