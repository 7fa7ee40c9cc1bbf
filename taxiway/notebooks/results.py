"""What runs came to: metrics, slices, several side by side, the index of runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from taxiway.config.schema import Config
from taxiway.errors import ConfigError
from taxiway.notebooks.session import Session

if TYPE_CHECKING:
    import pandas as pd

    from taxiway.evaluation.results import SliceMetrics


def slices(session: Session, metric: str = "") -> pd.DataFrame:
    """A line per slice, the whole first, the others worst first where a metric is named."""
    import pandas as pd

    found = _evaluated(session)
    table = pd.DataFrame({one.name: one.shown() for one in found}).T.rename_axis("slice")
    if not metric:
        return table
    first, others = table.iloc[:1], table.iloc[1:]
    ascending = _higher_is_better(session, metric)
    return pd.concat([first, others.sort_values(metric, ascending=ascending)])


def metrics(**sessions: Session) -> pd.DataFrame:
    """Metrics over all rows, a column per session: `metrics(before=one, after=other)`."""
    import pandas as pd

    return pd.DataFrame({name: _evaluated(one)[0].shown() for name, one in sessions.items()})


def runs(config: Config, limit: int = 20) -> pd.DataFrame:
    """The newest runs of the index, with their metrics."""
    import pandas as pd

    from taxiway.registry.database.session import open_database
    from taxiway.registry.runs import list_runs

    rows: list[dict[str, Any]] = [
        {
            "run": run.run_id,
            "outcome": run.outcome,
            "started (UTC)": run.started_at[:16].replace("T", " "),
            "seconds": run.seconds,
            "version": run.version,
            **run.metrics,
        }
        for run in list_runs(open_database(config.registry), limit)
    ]
    return pd.DataFrame(rows).set_index("run") if rows else pd.DataFrame()


def compare(config: Config, *runs: str) -> pd.DataFrame:
    """What differs between runs that can matter, a line each, the first run being compared with.

    Raises:
      ConfigError: a run is not on record here.
    """
    import pandas as pd

    from taxiway.tracking.compare.compare import compare_runs
    from taxiway.tracking.run_record.files import read_record

    folders = {run: Path(config.output.report_folder(run)) for run in runs}
    records = {run: read_record(folder) for run, folder in folders.items()}
    for run, record in records.items():
        if record is None:
            raise ConfigError(f"run {run} is not on record", edit=str(folders[run]))
    found = compare_runs([one for one in records.values() if one])
    lines = [(one.section, one.name, *one.values) for one in found.differences]
    return pd.DataFrame(lines, columns=["of", "what", *runs])


def _evaluated(session: Session) -> list[SliceMetrics]:
    from taxiway.evaluation.results import read_metrics

    uri = session.artifact("Evaluator", "evaluation")
    with session.logged():
        return read_metrics(uri)


def _higher_is_better(session: Session, metric: str) -> bool:
    from taxiway.evaluation.ranking import directions
    from taxiway.modeling.spec import load_spec

    known = directions(session.config.evaluation, load_spec(session.config.model.module))
    return known.get(metric, "higher") == "higher"
