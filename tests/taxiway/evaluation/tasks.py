"""Rows, models and specs of each task, with string labels, weights and a slice without a class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from taxiway.config.evaluation import Evaluation
from taxiway.modeling.spec import Binary, Categorical, FeatureSpec, MultiClass, Numeric, Regression
from tests.taxiway.arrow.evaluator.cases import numbers
from tests.taxiway.arrow.evaluator.evaluations import Case

ROWS: Final = 300
SPECIES: Final = ("Adélie", "Chinstrap", "Gentoo, big")
SLICED: Final = {"slices": [["island"]]}


def spec_of(task: Any) -> FeatureSpec:
    return FeatureSpec(
        task=task, key="id", columns=(Numeric("mass"), Categorical("island")), slices=("island",)
    )


SPECS: Final[Mapping[str, FeatureSpec]] = {
    "Binary": spec_of(Binary("sex", positive="female", weight="weight")),
    "MultiClass": spec_of(MultiClass("species", classes=SPECIES, weight="weight")),
    "Regression": spec_of(Regression("mass_g", weight="weight")),
}


def rows() -> list[dict[str, Any]]:
    """On Torgersen no row is a Chinstrap, and on Dream all are one and weigh nothing else."""
    random = np.random.default_rng(11)
    made = []
    for i in range(ROWS):
        island = ("Biscoe", "Torgersen", "Dream")[i % 3 if i % 7 else 0]
        kind = {"Biscoe": int(random.integers(0, 3)), "Torgersen": 2 * (i % 2), "Dream": 1}[island]
        female = random.random()
        mass = 3000.0 + 900 * kind + 200 * float(random.normal())
        made.append(
            {
                "species": SPECIES[kind],
                "sex": ("male", "female")[int(random.random() < female * 0.9)],
                "mass_g": float(np.float32(mass)),
                "weight": float(np.float32(random.random() * 2)) if i % 9 else 0.0,
                "island": island,
                **_answers(random, kind, female, mass),
            }
        )
    return made


def _answers(random: Any, kind: int, female: float, mass: float) -> dict[str, Any]:
    """What a candidate and a baseline answer, which their models read from the row."""
    sure = random.dirichlet(1 + 4 * np.eye(3)[kind])
    guess = random.dirichlet(np.ones(3))
    return {
        "species_new": [float(one) for one in sure.astype(np.float32)],
        "species_old": [float(one) for one in guess.astype(np.float32)],
        "sex_new": float(np.float32(female)),
        "sex_old": float(np.float32(random.random())),
        "mass_g_new": float(np.float32(mass + 150 * random.normal())),
        "mass_g_old": float(np.float32(4000 + 50 * random.normal())),
    }


def case(
    task: str, evaluation: Evaluation, baseline: bool = True, spec: FeatureSpec | None = None
) -> Case:
    """What the Evaluator has of a run of the pipeline."""
    import tensorflow as tf
    from google.protobuf import text_format

    from taxiway.evaluation.eval_config import ANSWERS, eval_config

    of = spec or SPECS[task]
    size = (3,) if task == "MultiClass" else ()
    label = of.label
    kind = tf.float32 if task == "Regression" else tf.string
    inputs = {
        **numbers(f"{label}_new", f"{label}_old", size=size),
        label: tf.io.FixedLenFeature((), kind),
    }

    def answers(name: str) -> Callable[[Any], Any]:
        return lambda read: {ANSWERS[task]: read[name], "class": tf.as_string(read[name])}

    models = [answers(f"{label}_new"), answers(f"{label}_old")][: 1 + baseline]
    text = text_format.MessageToString(eval_config(evaluation, of))
    return Case(rows(), text, models, inputs, LABELS.get(task))


def _numbered(read: Any) -> Any:
    import tensorflow as tf

    hits = tf.equal(read["species"][:, None], tf.constant(SPECIES)[None])
    return {"species": tf.where(tf.reduce_any(hits, 1), tf.argmax(hits, 1), -1)}


def _female(read: Any) -> Any:
    import tensorflow as tf

    return {"sex": tf.cast(read["sex"] == "female", tf.int64)}


LABELS: Final[Mapping[str, Any]] = {"MultiClass": _numbered, "Binary": _female}
