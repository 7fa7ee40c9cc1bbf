"""Small folders like SavedModels, with manifests, and versions of them in a registry."""

from __future__ import annotations

import hashlib
from pathlib import Path

from taxiway.process.manifest import MANIFEST_FILE, digest, manifest_text
from taxiway.registry.database.session import Database
from taxiway.registry.versions.records import Candidate, ModelVersion, register
from tests.taxiway.registry.conftest import ANN


def saved_model(folder: Path, content: str) -> str:
    """Makes a folder like a pushed SavedModel; gives the digest that names its content."""
    files = {"saved_model.pb": f"graph of {content}", "variables/variables.index": content}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    text = manifest_text(digests)
    (folder / MANIFEST_FILE).write_text(text)
    return digest(text)


def registered(
    database: Database,
    content: str,
    pushed_to: Path | str,
    artifact_uri: Path | str = "",
    model: str = "parcels",
) -> ModelVersion:
    """A version whose content is pushed to a folder, which is made where a path is given."""
    digest_ = (
        saved_model(pushed_to, content)
        if isinstance(pushed_to, Path)
        else hashlib.sha256(content.encode()).hexdigest()
    )
    candidate = Candidate(
        model=model,
        run_id=f"run-of-{content}",
        model_digest=digest_,
        contract_digest="c",
        pipeline_digest="p",
        pushed_to=str(pushed_to),
        metrics={},
        artifact_uri=str(artifact_uri),
    )
    return register(database, candidate, ANN)
