"""A request that the pushed model can answer: the first row of the eval split."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from taxiway.config.schema import Config
from taxiway.metadata.records import NodeRecord
from taxiway.modeling.names import EVAL_SPLIT
from taxiway.modeling.spec import FeatureSpec, load_spec

REQUEST_FILE = "request.json"
EXAMPLES_TYPE = "Examples"


def write_example_request(config: Config, nodes: Sequence[NodeRecord], folder: Path) -> str:
    """Writes the columns of one row that the model takes; gives the file, or nothing without rows.

    Args:
      config: of the run.
      nodes: of the run, as the run store has them.
      folder: of the run's report.
    """
    columns = _first_row(nodes, load_spec(config.model.module))
    if not columns:
        return ""
    path = folder / REQUEST_FILE
    path.write_text(json.dumps(columns, ensure_ascii=False) + "\n", encoding="utf-8")
    return str(path)


def _first_row(nodes: Sequence[NodeRecord], spec: FeatureSpec) -> dict[str, list[Any]]:
    """The columns that have a value, each with it or its list; empty where there is no row.

    NaN is no value, and none that JSON has.
    """
    from tensorflow.core.example import example_pb2

    from taxiway.modeling.example_files import files_in, open_examples

    uris = [
        artifact.uri
        for node in nodes
        for made in node.outputs.values()
        for artifact in made
        if artifact.type == EXAMPLES_TYPE
    ]
    files = [file for uri in uris for file in files_in(f"{uri}/Split-{EVAL_SPLIT}")]
    for record in open_examples(files).take(1).as_numpy_iterator() if files else ():
        features = example_pb2.Example.FromString(record).features.feature
        found = {name: _values(features[name]) for name in spec.inputs() if name in features}
        lists = spec.lists()
        known = {name: of for name, of in found.items() if of and all(one == one for one in of)}
        return {name: [of] if name in lists else of[:1] for name, of in known.items()}
    return {}


def _values(feature: Any) -> list[Any]:
    if feature.HasField("bytes_list"):
        return [value.decode("utf-8", "replace") for value in feature.bytes_list.value]
    return [*feature.float_list.value, *feature.int64_list.value]
