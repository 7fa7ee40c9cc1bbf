"""When two models are one mapping from inputs to outputs, asked of the worker that serves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from taxiway.config.gates import InfraValidation
from taxiway.process.manifest import folder_digest
from taxiway.registry.database.session import Database
from taxiway.registry.section import SqliteRegistry
from taxiway.registry.versions.records import Candidate

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("model_worker")]

ROWS = [b"a", b"bb", b"cccc"]


def save(folder: Path, scale: float, note: str) -> str:
    """A model that answers with the scaled length of a row; the note changes its files alone."""
    import tensorflow as tf

    class Lengths(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def answer(self, examples: Any) -> dict[str, Any]:
            tf.constant(note)
            return {"probability": tf.cast(tf.strings.length(examples), tf.float32) * scale}

    model = Lengths()
    tf.saved_model.save(model, str(folder), {"serving_default": model.answer})
    return str(folder)


@pytest.mark.one_stack
def test_other_bytes_are_the_same_mapping_and_other_answers_are_not(tmp_path: Path) -> None:
    from components.registrar.mapping import with_mapping

    places = [
        save(tmp_path / "one", 0.1, "first"),
        save(tmp_path / "two", 0.1, "second"),
        save(tmp_path / "three", 0.2, "first"),
    ]
    registry = SqliteRegistry(kind="sqlite", path=str(tmp_path / "registry.sqlite"))
    database, asked = Database(registry), iter([ROWS])
    contract = {"inputs": {"wind": {"type": "number"}}}
    digests = []
    for place in places:
        pushed = Candidate(
            *("parcels", "run", folder_digest(Path(place)), "c", "p", place, {}),
            contract=contract,
            artifact_uri=place,
        )
        made = with_mapping(pushed, lambda: next(asked), database, InfraValidation())
        digests.append(made.mapping_digest)
    assert folder_digest(Path(places[0])) != folder_digest(Path(places[1]))
    assert digests[0] == digests[1] != digests[2]
