"""ArrowExampleGen as TFX runs it: spec, driver, executor and cache."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from taxiway.arrow.ingest.dialect import Dialect
from taxiway.arrow.ingest.summary import Settings
from taxiway.config.data import HashSplit, NamedSpan, NewestSpan, SpanWindow, TimeSplit
from taxiway.errors import DataError
from tests.taxiway.arrow.ingest.conftest import Spans, lines, table

pytestmark = pytest.mark.pipeline


def component(data: Spans, **changes: Any) -> Any:
    from components.arrow_example_gen.component import ArrowExampleGen

    arguments: dict[str, Any] = {"spans": SpanWindow(kind="window", length=2)}
    arguments |= {"split": TimeSplit(kind="time"), "schema_file": str(data.schema)}
    arguments |= {"pattern": "span-{SPAN}/*.csv", "key": "id", "label": "late"}
    return ArrowExampleGen(str(data.base), **(arguments | changes))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (NewestSpan(kind="newest"), (3,)),
        (NamedSpan(kind="named", span=1), (1,)),
        (SpanWindow(kind="window", length=2), (2, 3)),
        (SpanWindow(kind="window", length=2, end=2), (1, 2)),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_every_kind_of_span_reaches_the_driver_through_the_spec(
    data: Spans, wanted: Any, expected: tuple[int, ...]
) -> None:
    from components.arrow_example_gen.executor import resolve_spans

    for span in (1, 2, 3):
        data.csv(lines(4), span)
    properties = json_properties(component(data, spans=wanted))
    assert resolve_spans(properties).spans == expected


def json_properties(node: Any) -> dict[str, Any]:
    """Execution properties as an executor gets them: protos as JSON."""
    from google.protobuf.message import Message
    from tfx.utils import proto_utils

    return {
        key: proto_utils.proto_to_json(value) if isinstance(value, Message) else value
        for key, value in node.exec_properties.items()
    }


@pytest.mark.parametrize(
    "split", [HashSplit(kind="hash", eval_fraction=0.3), TimeSplit(kind="time")]
)
def test_settings_survive_the_way_through_the_spec(data: Spans, split: Any) -> None:
    from components.arrow_example_gen.executor import read_settings

    dialect = Dialect(delimiter="\t", quote="", escape="\\", null_words=("\\N", "NA"))
    given = {"on_duplicate_key": "fail", "file_format": "csv", "dialect": dialect}
    label = {"classes": ("no", "yes"), "positive": "yes", "vocabularies": ("city",)}
    given |= label | {"derive": '"yes" if temp > 3 else "no"', "weight": "seats"}
    node = component(data, split=split, on_bad_row="drop", shards=5, compression="none", **given)
    buckets = 7000 if split.kind == "hash" else None
    assert read_settings(json_properties(node)) == Settings(
        *(str(data.schema), "id", "late", "drop", buckets, 5, "none", "fail", "csv", dialect),
        derive='"yes" if temp > 3 else "no"',
        weight="seats",
        **label,
    )


def test_without_a_driver_the_executor_resolves_the_spans_itself(data: Spans) -> None:
    from tfx.types import standard_artifacts

    from components.arrow_example_gen.executor import Executor

    for span in (1, 2):
        data.csv(lines(10), span)
    examples = standard_artifacts.Examples()
    examples.uri = str(data.out)
    Executor().Do({}, {"examples": [examples]}, json_properties(component(data)))
    assert examples.get_int_custom_property("span") == 2
    assert examples.get_string_custom_property("input_fingerprint").startswith("spans:1-2,")


def test_a_file_that_changed_since_the_driver_looked_stops_the_executor(data: Spans) -> None:
    from tfx.types import standard_artifacts

    from components.arrow_example_gen.component import Driver
    from components.arrow_example_gen.executor import Executor

    for span in (1, 2):
        data.csv(lines(10), span)
    properties = json_properties(component(data))
    Driver.resolve_exec_properties(object.__new__(Driver), properties, None, None)
    data.csv(lines(12), 2)
    examples = standard_artifacts.Examples()
    examples.uri = str(data.out)
    with pytest.raises(DataError, match="changed while it was read"):
        Executor().Do({}, {"examples": [examples]}, properties)


def test_a_second_run_is_cached_until_a_file_changes(data: Spans, tmp_path: Path) -> None:
    for span in (1, 2):
        data.csv(lines(10, start=100 * span), span)
    assert run_pipeline(data, tmp_path) == ["COMPLETE"]
    assert run_pipeline(data, tmp_path) == ["COMPLETE", "CACHED"]
    data.csv(lines(20, start=100), 1)
    assert run_pipeline(data, tmp_path) == ["COMPLETE", "CACHED", "COMPLETE"]
    first, second = (properties_of(artifact) for artifact in artifacts(tmp_path))
    assert (first["rows_train"], first["rows_eval"], first["rows_read"]) == (10, 10, 20)
    assert (second["rows_train"], second["rows_eval"], second["rows_dropped"]) == (20, 10, 0)
    assert first["span"] == second["span"] == 2
    assert first["digest"] != second["digest"]
    assert first["input_fingerprint"] != second["input_fingerprint"]
    assert first["payload_format"] == "FORMAT_TF_EXAMPLE"
    assert first["file_format"] == "tfrecords_gzip"
    uri = Path(artifacts(tmp_path)[0].uri)
    assert artifacts(tmp_path)[0].properties["split_names"].string_value == '["train", "eval"]'
    assert (uri / "Split-train" / "data_tfrecord-00000-of-00004.gz").is_file()


def test_a_missing_span_stops_the_run_with_its_own_message(data: Spans, tmp_path: Path) -> None:
    data.csv(lines(10), 1)
    with pytest.raises(Exception, match=r"span 0 cannot be found in .*spans that exist: 1"):
        run_pipeline(data, tmp_path)


def store(folder: Path) -> Any:
    from ml_metadata import metadata_store
    from tfx.orchestration import metadata

    config = metadata.sqlite_metadata_connection_config(str(folder / "metadata.sqlite"))
    return metadata_store.MetadataStore(config)


def run_pipeline(data: Spans, folder: Path) -> list[str]:
    """Runs a pipeline of this one node and returns the states of all its executions so far."""
    from ml_metadata.proto import metadata_store_pb2
    from tfx.orchestration import metadata, pipeline
    from tfx.orchestration.beam import beam_dag_runner

    one = pipeline.Pipeline(
        pipeline_name="one-node",
        pipeline_root=str(folder / "root"),
        components=[component(data)],
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(
            str(folder / "metadata.sqlite")
        ),
    )
    beam_dag_runner.BeamDagRunner().run(one)
    executions = sorted(store(folder).get_executions(), key=lambda execution: execution.id)
    states = metadata_store_pb2.Execution.State
    return [states.Name(execution.last_known_state) for execution in executions]


def artifacts(folder: Path) -> list[Any]:
    return sorted(store(folder).get_artifacts_by_type("Examples"), key=lambda found: found.id)


def properties_of(artifact: Any) -> dict[str, Any]:
    return {
        name: getattr(value, value.WhichOneof("value"))
        for name, value in artifact.custom_properties.items()
    }


TOLD = {
    "with a key": (
        {},
        "10 train + 10 eval rows, 2 rows without a label left out, 1 with the key of another",
    ),
    "without one": (
        {"key": None},
        "10 train + 10 eval rows, 2 rows without a label left out, 1 in all columns as another",
    ),
}


@pytest.mark.parametrize("case", TOLD)
def test_what_was_left_out_and_what_is_there_twice_is_told_with_the_artifact(
    data: Spans, case: str
) -> None:
    from tfx.types import standard_artifacts

    from components.arrow_example_gen.executor import Executor
    from taxiway.metadata.describe import DESCRIPTIONS

    changes, told = TOLD[case]
    data.csv([*lines(9), lines(9)[3], "row-50,,Rome,1,1", "row-51,nan,Rome,1,1"], 1)
    data.csv(lines(10, start=100), 2)
    examples = standard_artifacts.Examples()
    examples.uri = str(data.out)
    Executor().Do({}, {"examples": [examples]}, json_properties(component(data, **changes)))
    names = ("rows_train", "rows_eval", "rows_dropped", "rows_unlabelled")
    twins = "rows_duplicate" if changes == {} else "rows_equal"
    found = {name: examples.get_int_custom_property(name) for name in (*names, twins)}
    assert found[twins] == 1
    assert DESCRIPTIONS["Examples"](found) == told


def test_a_rewrite_of_equal_size_and_time_is_not_taken_for_unchanged(
    data: Spans, tmp_path: Path
) -> None:
    for span in (1, 2):
        path = data.csv(lines(10, start=100 * span), span)
    assert run_pipeline(data, tmp_path) == ["COMPLETE"]
    times = path.stat()
    path.write_text(path.read_text().replace(",Paris,", ",Milan,"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert run_pipeline(data, tmp_path) == ["COMPLETE", "COMPLETE"]


def test_a_derived_label_is_a_column_like_any_other_for_the_nodes_behind_it(
    data: Spans, tmp_path: Path
) -> None:
    import tensorflow_data_validation as tfdv
    from tfx.components.statistics_gen.executor import Executor as Stock
    from tfx.types import artifact_utils, standard_artifacts

    from components.arrow_example_gen.executor import Executor
    from taxiway.arrow.statistics_gen.executor import Executor as Arrow
    from taxiway.modeling.spec.schema import read_schema
    from tests.taxiway.arrow.conftest import run

    for span in (1, 2):
        data.parquet(table(30, seats=[*range(28), None, None]).drop(["late"]), span)
    node = component(data, key=None, derive="seats > 9", pattern="span-{SPAN}/*.parquet")
    examples = standard_artifacts.Examples()
    examples.uri = str(data.out)
    Executor().Do({}, {"examples": [examples]}, json_properties(node))
    assert examples.get_int_custom_property("rows_unlabelled") == 4
    for name, executor in (("arrow", Arrow), ("stock", Stock)):
        (tmp_path / name).mkdir()
        made = run(
            executor,
            tmp_path / name,
            {"examples": [examples]},
            {"statistics": standard_artifacts.ExampleStatistics},
            {"exclude_splits": "[]"},
        )["statistics"]
        folder = artifact_utils.get_split_uri([made], "train")
        found = tfdv.load_stats_binary(f"{folder}/FeatureStats.pb")
        label = tfdv.get_feature_stats(found.datasets[0], tfdv.FeaturePath(["late"]))
        assert label.num_stats.common_stats.num_non_missing == 28
        assert label.num_stats.mean == pytest.approx(18 / 28)
        anomalies = tfdv.validate_statistics(found, read_schema(str(data.schema)))
        assert dict(anomalies.anomaly_info) == {}
