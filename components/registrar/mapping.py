"""What a model makes of its probes, asked in the process that would serve it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from taxiway.config.gates import InfraValidation
from taxiway.modeling.names import COLUMNS, SERVING
from taxiway.registry.database.session import Database
from taxiway.registry.versions.probes import kept_probes, mapping_digest, signature_digest
from taxiway.registry.versions.records import Candidate
from taxiway.serving.worker.client import ModelWorker


def with_mapping(
    candidate: Candidate,
    rows: Callable[[], Sequence[bytes]],
    database: Database,
    trial: InfraValidation,
    allowed_operations: Sequence[str] = (),
) -> Candidate:
    """A candidate with the digest of its mapping from inputs to outputs.

    Args:
      candidate: its contract has the types that serialized examples hold, and its `artifact_uri` is
        the SavedModel's folder on this machine.
      rows: gives probes, where none are kept for such a signature.
      database: the registry, which keeps them.
      trial: bounds of the worker's memory and time, and its isolation.
      allowed_operations: that the model may have besides those of the list.

    Raises:
      WorkerError: the model does not load or does not answer.
    """
    worker = ModelWorker(
        candidate.artifact_uri,
        load_timeout_seconds=trial.load_timeout_seconds,
        request_timeout_seconds=trial.load_timeout_seconds,  # all probes are one request
        memory_limit_mb=trial.memory_limit_mb,
        allowed_operations=allowed_operations,
        isolation=trial.isolation,
    )
    with worker:
        types = {name: one["type"] for name, one in candidate.contract["inputs"].items()}
        seen = {name: worker.signatures.get(name) for name in (SERVING, COLUMNS)}
        signature = signature_digest({"inputs": types, "signatures": seen})
        probes = kept_probes(database, candidate.model, signature, rows)
        answers = worker.predict_examples(probes)
    plain = {name: of.tolist() for name, of in answers.items()}
    return dataclasses.replace(candidate, mapping_digest=mapping_digest(signature, plain))
