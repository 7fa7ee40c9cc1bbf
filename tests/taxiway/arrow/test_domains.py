"""A value outside a domain is seen, however many values the domain has and however rare it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TINY
from tests.taxiway.arrow.conftest import run, write

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("statistics_gen")]

OWN = 'feature { name: "code" type: BYTES string_domain { name: "codes" %s } }'
SHARED = 'feature { name: "code" type: BYTES domain: "codes" } string_domain { name: "codes" %s }'


def schema_file(folder: Path, size: int, text: str = OWN) -> Path:
    path = folder / "schema.pbtxt"
    path.write_text(text % " ".join(f'value: "code {number}"' for number in range(size)))
    return path


def unexpected(engine: str, schema: Path, size: int) -> str:
    """What ExampleValidator says where each value of a domain comes twice, and another once."""
    import tensorflow_data_validation as tfdv
    from tfx.components.statistics_gen.executor import Executor as Stock
    from tfx.types import artifact_utils
    from tfx.types.standard_artifacts import Examples, ExampleStatistics

    from taxiway.arrow.statistics_gen.executor import Executor
    from taxiway.arrow.statistics_gen.options import statistics_options

    folder = schema.parent
    texts = [*(f"code {number}" for number in (*range(size), *range(size))), "none of them"]
    write(
        folder / "examples" / "Split-eval" / "data_tfrecord-00000-of-00001.gz",
        [{"code": [text.encode()]} for text in texts],
    )
    examples = Examples()
    examples.uri = str(folder / "examples")
    examples.split_names = artifact_utils.encode_split_names(["eval"])
    made: Any = run(
        Executor if engine == "arrow" else Stock,
        folder,
        {"examples": [examples]},
        {"statistics": ExampleStatistics},
        {"stats_options_json": statistics_options(str(schema)).to_json()},
    )["statistics"]
    anomalies = tfdv.validate_statistics(
        tfdv.load_stats_binary(f"{made.uri}/Split-eval/FeatureStats.pb"),
        tfdv.load_schema_text(str(schema)),
    )
    return str(anomalies.anomaly_info["code"].description)


@pytest.mark.parametrize(
    ("engine", "size"), [("arrow", 1500), ("beam", 1500), ("arrow", 17_000)], ids=str
)
def test_one_value_outside_a_large_domain_is_told(tmp_path: Path, engine: str, size: int) -> None:
    told = unexpected(engine, schema_file(tmp_path, size), size)
    assert "none of them" in told


@pytest.mark.parametrize("text", [OWN, SHARED], ids=["own", "shared"])
@pytest.mark.parametrize(
    ("size", "kept"), [(0, 1000), (3, 1000), (999, 1000), (1000, 2000), (1500, 2000), (2999, 3000)]
)
def test_more_values_are_kept_than_any_domain_has(
    tmp_path: Path, text: str, size: int, kept: int
) -> None:
    from taxiway.arrow.statistics_gen.options import statistics_options

    options = statistics_options(str(schema_file(tmp_path, size, text)))
    assert options.num_rank_histogram_buckets == kept


def test_a_schema_that_cannot_be_read_here_leaves_the_usual_number(tmp_path: Path) -> None:
    from taxiway.arrow.statistics_gen.options import statistics_options

    (tmp_path / "broken.pbtxt").write_text("feature {")
    for name in ("none.pbtxt", "broken.pbtxt"):
        assert statistics_options(str(tmp_path / name)).num_rank_histogram_buckets == 1000


def test_the_pipeline_asks_for_them_with_either_engine(tmp_path: Path) -> None:
    import tensorflow_data_validation as tfdv

    from pipelines.training import create_pipeline
    from taxiway.config.loader import load_config

    schema = schema_file(tmp_path, 1500)
    for engine in ("arrow", "beam"):
        config = load_config([TINY], [f"data.schema_file={schema}", f"engine.default={engine}"])
        made = {node.id: node for node in create_pipeline(config).components}["StatisticsGen"]
        options = tfdv.StatsOptions.from_json(made.exec_properties["stats_options_json"])
        assert options.num_rank_histogram_buckets == 2000
