"""Data as tables: spans, rows, statistics, the schema, drift between splits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from taxiway.config.schema import Config
from taxiway.notebooks.session import Session
from taxiway.notebooks.statistics import described, distances, features

if TYPE_CHECKING:
    import pandas as pd

ROWS: Final = 10


def export(config: Config) -> None:
    """Writes the example's spans where there are none yet, as `taxiway data` does."""
    from taxiway.runners.local.export import export_data

    export_data(config)


def spans(config: Config) -> pd.DataFrame:
    """The input files that there are, with their bytes; by name, so that the newest is last."""
    import pandas as pd

    from taxiway.arrow.ingest import listing

    files = listing.matching(config.data.root, config.data.pattern.replace("{SPAN}", "*"))
    found = [(Path(one).relative_to(config.data.root), Path(one).stat().st_size) for one in files]
    named = [(str(path), size) for path, size in sorted(found)]
    return pd.DataFrame(named, columns=["file", "bytes"])


def rows(session: Session, split: str = "train", count: int = ROWS) -> pd.DataFrame:
    """The first rows of a split, as the examples have them: a column per feature."""
    import pyarrow as pa

    from taxiway.arrow.examples.reading import record_batches, shards_of

    (shard, *_) = shards_of([f"{session.artifact('ArrowExampleGen', 'examples')}/Split-{split}"])
    batch = next(iter(record_batches(shard, count)))
    table = pa.Table.from_batches([batch]).slice(0, count)
    return table.to_pandas().apply(lambda column: column.map(_plain))


def _plain(values: Any) -> Any:
    """One value of a feature, which an example has as a list."""
    if values is None or len(values) == 0:
        return None
    plain = [one.decode(errors="replace") if isinstance(one, bytes) else one for one in values]
    return plain[0] if len(plain) == 1 else plain


def statistics(session: Session) -> pd.DataFrame:
    """A line per split and feature: rows, missing, mean, deviation, quartiles, commonest value."""
    import pandas as pd

    found = described(session.artifact("StatisticsGen", "statistics"))
    return pd.DataFrame(found).set_index(["feature", "split"]).sort_index()


def schema(config: Config) -> pd.DataFrame:
    """A line per feature of the curated schema: type, presence, domain."""
    import pandas as pd

    from taxiway.modeling.spec.schema import read_schema

    return pd.DataFrame(features(read_schema(config.data.schema_file))).set_index("feature")


def drift(session: Session) -> pd.DataFrame:
    """A line per feature that is compared: how far the eval split is from the train split."""
    import pandas as pd

    found = distances(session.artifact("DistributionValidator", "anomalies"))
    table = pd.DataFrame(found, columns=["feature", "measure", "distance", "threshold"])
    return table.sort_values("distance", ascending=False, ignore_index=True)
