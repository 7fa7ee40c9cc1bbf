"""The log's folder of a model is input spans: ArrowExampleGen reads it as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.taxiway.serving.decisions.conftest import MODEL, Folder, an_ask, logged

SCHEMA = """
feature { name: "person" type: BYTES presence { min_fraction: 1.0 } }
feature { name: "late" type: INT }
feature { name: "city" type: BYTES presence { min_fraction: 0.5 } }
feature { name: "temp" type: FLOAT presence { min_fraction: 0.5 } }
feature { name: "seats" type: INT }
"""
COLDEST = 5


@pytest.mark.pipeline
def test_arrow_example_gen_makes_examples_of_the_log(folder: Folder, tmp_path: Path) -> None:
    from taxiway.arrow.ingest import convert, spans
    from taxiway.arrow.ingest.summary import SPLITS, Settings

    log = folder.log()
    for number in range(20):
        columns = {"city": ["Kyiv"], "temp": [float(number)], "person": [f"p-{number}"]}
        logged(log, an_ask(f"r-{number}", columns=columns))
    folder.converted()
    schema = tmp_path / "schema.pbtxt"
    schema.write_text(SCHEMA)
    wanted = spans.SpanRange(1)
    found = spans.resolve(str(folder.root / MODEL), "span-{SPAN}/*.parquet", wanted, str(schema))
    derive = f"1 if temp < {COLDEST} else 0"
    settings = Settings(str(schema), "person", "late", "fail", 5_000, 1, derive=derive)
    uris = {name: str(tmp_path / f"Split-{name}") for name in SPLITS}
    summary = convert.convert(found.files, settings, uris)
    assert summary.rows_read == 20
    assert sum(summary.classes[name] != set() for name in SPLITS) == len(SPLITS)
    examples = np.concatenate([_rows(uris[name]) for name in SPLITS])
    assert sorted(examples) == sorted(f"p-{number} {number < COLDEST:d}" for number in range(20))


def _rows(uri: str) -> list[str]:
    import tensorflow as tf

    rows = []
    for path in sorted(Path(uri).iterdir()):
        for record in tf.data.TFRecordDataset(str(path), compression_type="GZIP"):
            feature = tf.train.Example.FromString(record.numpy()).features.feature
            assert not any(name.startswith("_taxiway_") for name in feature)
            person = feature["person"].bytes_list.value[0].decode()
            rows.append(f"{person} {feature['late'].int64_list.value[0]}")
    return rows
