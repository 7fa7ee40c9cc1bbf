"""The data of a run: its spans and files, as the artifact with its examples says them."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from taxiway.config.schema import Config
from taxiway.metadata.records import ArtifactRecord, NodeRecord, artifact_of
from taxiway.modeling.input_files import read_input_files
from taxiway.tracking.kept import kept_as
from taxiway.tracking.run_record.record import Data, InputFile

_SPANS: Final = re.compile(r"\bspans:([^,]*)")
"""In the fingerprint of examples, as ArrowExampleGen writes it."""
_ROWS: Final = "rows_"
_SPLITS: Final = ("train", "eval")


def data_of(nodes: Sequence[NodeRecord], begin: Data, config: Config) -> Data:
    """What a run read, also where its examples came from the cache.

    Args:
      nodes: of the run.
      begin: what was known when it started.
      config: of the run, or of one that shares its folders.
    """
    examples = artifact_of(nodes, "Examples")
    if examples is None:
        return begin
    files = tuple(InputFile(**vars(one)) for one in read_input_files(examples.uri))
    rows = {
        split: int(examples.properties[_ROWS + split])
        for split in _SPLITS
        if _ROWS + split in examples.properties
    }
    found = {"spans": _spans(examples), "files": files, "rows": rows}
    kept = kept_as(config.output.root, files, config.data.keep)
    return begin.model_copy(update={**found, "kept": kept})


def digest_of(path: str) -> str:
    """sha256 of a small file; empty where it cannot be read, as in a bucket."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        logging.info("%s has no digest on record: %s", path, error)
        return ""


def _spans(examples: ArtifactRecord) -> str:
    found = _SPANS.search(str(examples.properties.get("input_fingerprint", "")))
    return found[1] if found else str(examples.properties.get("span", ""))
