"""What a version record says about a pushed model, gathered from its artifacts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from taxiway.errors import TaxiwayError
from taxiway.evaluation.results import OVERALL, SliceMetrics
from taxiway.process.manifest import MANIFEST_FILE, folder_digest, verify
from taxiway.registry.signing.kinds import Signing
from taxiway.registry.versions.records import ModelVersion

FindVersion = Callable[[str], ModelVersion | None]
"""From a model's digest to the version that has it."""


def record(version: ModelVersion) -> dict[str, Any]:
    """The version as plain values for version.json."""
    return {
        "version": version.name,
        "created_at": version.created_at,
        "reasons": dict(version.reasons),
        **asdict(version.candidate),
    }


def baseline_of(
    slices: Sequence[SliceMetrics],
    model_folder: str,
    unusable: str,
    better: Mapping[str, str],
    main_metric: str,
    find: FindVersion,
) -> dict[str, Any]:
    """What the Evaluator compared a model with, as `Candidate.baseline` has it.

    The baseline is known by its content: an artifact's id is another one after a move, and a model
    that was blessed and never pushed has no version.

    Args:
      slices: of the evaluation.
      model_folder: the baseline's SavedModel; empty where there was none.
      unusable: why there was one and it was not compared with; empty where it was.
      better: by metric, `higher` or `lower`.
      main_metric: by which slices are ranked.
      find: looks a model up in the registry.
    """
    if unusable:
        return {"unusable": unusable}
    whole = next((one for one in slices if one.name == OVERALL), None)
    if whole is None or not model_folder:
        return {}
    digest = _digest(Path(model_folder))
    version = find(digest) if digest else None
    before = {name: whole.metrics[name] - by for name, by in whole.change.items()}
    return {
        "version": version.name if version else "",
        "model_digest": digest,
        "run_id": version.candidate.run_id if version else "",
        "metrics": before,
        "change": dict(whole.change),
        "change_intervals": {name: list(ends) for name, ends in whole.change_intervals.items()},
        "better": dict(better),
        "main_metric": main_metric,
    }


def _digest(folder: Path) -> str:
    """Of the baseline's content; empty where clean-up has removed it since it was compared with."""
    try:
        return folder_digest(folder)
    except (OSError, TaxiwayError):
        return ""


def verified(manifest: Path, *folders: str) -> bool:
    """Whether what was pushed was held against the manifest: the first folder that is here.

    Raises:
      TaxiwayError: it is not what the manifest names.
    """
    here = next((one for one in map(Path, folders) if (one / MANIFEST_FILE).is_file()), None)
    if here is not None:
        verify(here, manifest)
    return here is not None


def signed(signing: Signing, *folders: str) -> str:
    """The signature of what was pushed, of the first folder that is here; empty where none is made.

    Raises:
      TaxiwayError: it is to be signed, and no copy is on this machine, or it cannot be.
    """
    if not signing.signs:
        return ""
    here = next((Path(folder) for folder in folders if Path(folder).is_dir()), None)
    if here is None:
        raise TaxiwayError(
            f"the model is to be signed, and no folder of this machine holds it: {folders}",
            edit="registry.signing, or output.root",
        )
    return signing.sign(here)
