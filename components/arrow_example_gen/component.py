"""ArrowExampleGen's TFX face: the component, and the driver that resolves its spans.

A fully custom component: it takes TFX's own FileBasedExampleGen spec, so that anything that knows
that component can read this one's parameters, and brings a driver and an executor of its own.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from google.protobuf import json_format, struct_pb2
from tfx import types
from tfx.components.example_gen import driver as example_gen_driver
from tfx.components.example_gen import utils
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import example_gen_pb2, range_config_pb2
from tfx.types import standard_artifacts, standard_component_specs
from tfx.utils import proto_utils

from components.arrow_example_gen.executor import Executor, resolve_spans
from taxiway.arrow.ingest import convert as logic
from taxiway.arrow.ingest.dialect import Dialect
from taxiway.arrow.ingest.reading import Format, OnBadRow
from taxiway.arrow.ingest.spans import check_pattern
from taxiway.arrow.ingest.summary import Label, OnDuplicateKey, Settings
from taxiway.arrow.ingest.writing import Compression
from taxiway.config.data import HashSplit, NamedSpan, NewestSpan, SpanWindow, TimeSplit
from taxiway.modeling.names import EVAL_SPLIT, TRAIN_SPLIT


class Driver(example_gen_driver.FileBasedDriver):  # type: ignore[misc]  # TFX ships no types
    """Resolves the span window before the cache is looked up, so that a new file is seen.

    TFX's own driver knows one span at a time; this one gives the executor a comma-joined pattern
    for each span of the window, and a fingerprint over all their files and the curated schema.
    """

    def resolve_exec_properties(
        self, exec_properties: dict[str, Any], pipeline_info: Any, component_info: Any
    ) -> dict[str, Any]:
        """Adds span, version and fingerprint, and replaces {SPAN} in the input config.

        Raises:
          DataError: a wanted span does not exist or is empty.
        """
        del pipeline_info, component_info
        resolved = resolve_spans(exec_properties)
        input_config = example_gen_pb2.Input()
        key = standard_component_specs.INPUT_CONFIG_KEY
        proto_utils.json_to_proto(exec_properties[key], input_config)
        input_config.splits[0].pattern = ",".join(resolved.patterns)
        exec_properties[key] = proto_utils.proto_to_json(input_config)
        exec_properties[utils.SPAN_PROPERTY_NAME] = resolved.spans[-1]
        exec_properties[utils.VERSION_PROPERTY_NAME] = None
        exec_properties[utils.FINGERPRINT_PROPERTY_NAME] = resolved.fingerprint
        return exec_properties


class ArrowExampleGen(base_component.BaseComponent):  # type: ignore[misc]  # TFX ships no types
    """Reads a window of spans of CSV or Parquet files and writes train and eval tf.Examples.

    It derives from BaseComponent and not from FileBasedExampleGen, because Kubeflow Pipelines
    would run TFX's own driver for the latter, which refuses a window; where no driver runs, the
    executor resolves the spans itself.

    Output `examples` has the splits train and eval as gzipped TFRecords, and the custom properties
    span (the newest), spans (such as `1,2,3`), input_fingerprint, digest, rows_read, rows_dropped,
    rows_unlabelled, rows_train, rows_eval and rows_duplicate, or rows_equal where there is no key.
    """

    SPEC_CLASS = standard_component_specs.FileBasedExampleGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        input_base: str,
        pattern: str,
        spans: NewestSpan | NamedSpan | SpanWindow,
        split: HashSplit | TimeSplit,
        schema_file: str,
        key: str | None,
        label: str,
        on_bad_row: OnBadRow = "fail",
        shards: int = 4,
        compression: Compression = "gzip",
        on_duplicate_key: OnDuplicateKey = "warn",
        file_format: Format = "parquet",
        dialect: Dialect | None = None,
        derive: str = "",
        weight: str = "",
        classes: Sequence[Label] = (),
        positive: Label | None = None,
        vocabularies: Sequence[str] = (),
    ) -> None:
        """Wires the component; no file is touched before it runs.

        Args:
          input_base: folder of the spans.
          pattern: of the files below it, with one {SPAN}.
          spans: which spans to read.
          split: which rows become the eval split.
          schema_file: curated TFMD schema the files must fit.
          key: column that names a row, by which the hash split goes; where there is none, a row's
            place in the input does.
          label: column that must have two values in each split; rows without it are left out.
          on_bad_row: stop at a row that does not fit the schema, or leave it out and count it.
          shards: files for each split, as many as can be written and read at a time.
          compression: of those files.
          on_duplicate_key: count rows whose key an earlier row has, or stop at them.
          file_format: of files whose names end with neither .parquet nor .csv.
          dialect: of CSV files.
          derive: expression over other columns that makes the label, which files then do not have.
          weight: column of row weights, numbers from 0 on.
          classes: what the label may be; empty where it may be anything.
          positive: a label that each split must have.
          vocabularies: columns that need a value in the train split, to learn a vocabulary from.

        Raises:
          ConfigError: the pattern is no span pattern.
        """
        check_pattern(pattern)
        settings = Settings(
            schema_file=schema_file,
            key=key or "",
            label=label,
            on_bad_row=on_bad_row,
            train_buckets=_train_buckets(split),
            shards=shards,
            compression=compression,
            on_duplicate_key=on_duplicate_key,
            format=file_format,
            dialect=dialect or Dialect(),
            derive=derive,
            weight=weight,
            classes=tuple(classes),
            positive=positive,
            vocabularies=tuple(vocabularies),
        )
        spec = standard_component_specs.FileBasedExampleGenSpec(
            input_base=input_base,
            input_config=example_gen_pb2.Input(
                splits=[example_gen_pb2.Input.Split(name="spans", pattern=pattern)]
            ),
            output_config=_output_config(settings.train_buckets),
            output_data_format=example_gen_pb2.FORMAT_TF_EXAMPLE,
            output_file_format=example_gen_pb2.FORMAT_TFRECORDS_GZIP,
            custom_config=_custom_config(settings),
            range_config=_range_config(spans),
            examples=types.Channel(type=standard_artifacts.Examples),
        )
        super().__init__(spec=spec)


def _train_buckets(split: HashSplit | TimeSplit) -> int | None:
    return logic.train_buckets(split.eval_fraction) if isinstance(split, HashSplit) else None


def _output_config(train_buckets: int | None) -> Any:
    """Train and eval; a split by time has no buckets, but TFX wants a positive number of each."""
    train, of = (1, 2) if train_buckets is None else (train_buckets, logic.BUCKETS)
    named = ((TRAIN_SPLIT, train), (EVAL_SPLIT, of - train))
    split = example_gen_pb2.SplitConfig.Split
    return example_gen_pb2.Output(
        split_config=example_gen_pb2.SplitConfig(
            splits=[split(name=name, hash_buckets=buckets) for name, buckets in named]
        )
    )


def _custom_config(settings: Settings) -> Any:
    """What the spec has no field for; a Struct, because a worker can read it without our code."""
    values = struct_pb2.Struct()
    plain = json.dumps(dataclasses.asdict(settings) | {"conversion": logic.CONVERSION})
    json_format.Parse(plain, values)
    config = example_gen_pb2.CustomConfig()
    config.custom_config.Pack(values)
    return config


def _range_config(wanted: NewestSpan | NamedSpan | SpanWindow) -> Any:
    if isinstance(wanted, NamedSpan):
        first = last = wanted.span
    elif isinstance(wanted, SpanWindow) and wanted.end is not None:
        first, last = wanted.end - wanted.length + 1, wanted.end
    else:
        length = wanted.length if isinstance(wanted, SpanWindow) else 1
        rolling = range_config_pb2.RollingRange(num_spans=length)
        return range_config_pb2.RangeConfig(rolling_range=rolling)
    static = range_config_pb2.StaticRange(start_span_number=first, end_span_number=last)
    return range_config_pb2.RangeConfig(static_range=static)
