"""ArrowExampleGen's executor: parameters out of TFX's protos, counts into the artifact."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import json_format, struct_pb2
from tfx.components.example_gen import utils, write_split
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_executor
from tfx.proto import example_gen_pb2, range_config_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from taxiway.arrow.ingest import convert as logic
from taxiway.arrow.ingest import spans
from taxiway.arrow.ingest.dialect import Dialect
from taxiway.arrow.ingest.summary import SPLITS, Settings, Summary
from taxiway.errors import DataError
from taxiway.modeling.input_files import InputFile, write_input_files
from taxiway.modeling.names import EVAL_SPLIT, TRAIN_SPLIT

_log = logging.getLogger(__name__)


class Executor(base_executor.BaseExecutor):  # type: ignore[misc]  # TFX ships no types
    """Converts the resolved spans; no Beam, so nothing has to be started and nothing is lost."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the `examples` artifact and what is known of it.

        Raises:
          DataError: see `logic.convert`; also if an input file changed while it was read.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = read_settings(exec_properties)
        before = resolve_spans(exec_properties)
        # The driver's fingerprint is what the cache will go by.
        promised = exec_properties.get(utils.FINGERPRINT_PROPERTY_NAME) or before.fingerprint
        examples = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.EXAMPLES_KEY]
        )
        examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
        uris = {name: artifact_utils.get_split_uri([examples], name) for name in SPLITS}
        summary = logic.convert(before.files, settings, uris)
        read = [InputFile.of(file.path, file.name, file.span) for file in before.files]
        if resolve_spans(exec_properties).fingerprint != promised:
            raise DataError(
                f"a file of spans {', '.join(map(str, before.spans))} or the curated schema "
                "changed while it was read; run again when nothing writes to it any more",
                edit="data.root",
            )
        if summary.rows_dropped:
            _log.warning(
                "%d of %d rows left out; the first: %s",
                summary.rows_dropped,
                summary.rows_read,
                summary.first_dropped,
            )
        if summary.rows_unlabelled:
            _log.warning(
                "%d of %d rows have no label (%s) and are left out; the first: %s",
                summary.rows_unlabelled,
                summary.rows_read,
                settings.label,
                summary.first_unlabelled,
            )
        if summary.rows_duplicate:
            _log.warning(
                "%d of %d rows are as an earlier row is in %s",
                summary.rows_duplicate,
                summary.rows_read,
                settings.key or "all their columns",
            )
        twins = {"rows_duplicate" if settings.key else "rows_equal": summary.rows_duplicate}
        _describe(examples, summary, twins, before.spans, promised)
        write_input_files(examples.uri, read)


def _describe(
    examples: Any,
    summary: Summary,
    twins: Mapping[str, int],
    read: Sequence[int],
    fingerprint: str,
) -> None:
    counts = {
        **twins,
        utils.SPAN_PROPERTY_NAME: read[-1],
        "rows_read": summary.rows_read,
        "rows_dropped": summary.rows_dropped,
        "rows_unlabelled": summary.rows_unlabelled,
        "rows_train": summary.splits[TRAIN_SPLIT].rows,
        "rows_eval": summary.splits[EVAL_SPLIT].rows,
    }
    for name, count in counts.items():
        examples.set_int_custom_property(name, count)
    examples.set_string_custom_property("spans", ",".join(map(str, read)))
    examples.set_string_custom_property("digest", summary.digest)
    examples.set_string_custom_property(utils.FINGERPRINT_PROPERTY_NAME, fingerprint)
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    file_format = write_split.to_file_format_str(example_gen_pb2.FORMAT_TFRECORDS_GZIP)
    examples_utils.set_file_format(examples, file_format)


def resolve_spans(exec_properties: dict[str, Any]) -> spans.Resolved:
    """The spans and files of an execution, whether or not a driver has resolved its pattern.

    Raises:
      DataError: a wanted span does not exist or is empty.
    """
    schema_file = read_settings(exec_properties).schema_file
    config = example_gen_pb2.Input()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.INPUT_CONFIG_KEY], config)
    pattern = config.splits[0].pattern
    input_base = exec_properties[standard_component_specs.INPUT_BASE_KEY].rstrip("/")
    newest = exec_properties.get(utils.SPAN_PROPERTY_NAME)
    if newest is not None and not spans.SPAN.search(pattern):
        return spans.of_patterns(input_base, pattern.split(","), int(newest), schema_file)
    ranges = range_config_pb2.RangeConfig()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.RANGE_CONFIG_KEY], ranges)
    if ranges.HasField("static_range"):
        first, last = ranges.static_range.start_span_number, ranges.static_range.end_span_number
        wanted = spans.SpanRange(last - first + 1, last)
    else:
        wanted = spans.SpanRange(ranges.rolling_range.num_spans)
    return spans.resolve(input_base, pattern, wanted, schema_file)


def read_settings(exec_properties: dict[str, Any]) -> Settings:
    """Unpacks the component's custom config."""
    config = example_gen_pb2.CustomConfig()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY], config)
    packed = struct_pb2.Struct()
    config.custom_config.Unpack(packed)
    values = json_format.MessageToDict(packed)
    buckets = values["train_buckets"]
    return Settings(
        schema_file=values["schema_file"],
        key=values["key"],
        label=values["label"],
        on_bad_row=values["on_bad_row"],
        train_buckets=None if buckets is None else int(buckets),
        shards=int(values["shards"]),
        compression=values["compression"],
        on_duplicate_key=values["on_duplicate_key"],
        format=values["format"],
        dialect=Dialect(
            **values["dialect"] | {"null_words": tuple(values["dialect"]["null_words"])}
        ),
        derive=values["derive"],
        weight=values["weight"],
        classes=tuple(values["classes"]),
        positive=values["positive"],
        vocabularies=tuple(values["vocabularies"]),
    )
