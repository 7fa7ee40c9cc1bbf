"""What became of models: versions in the registry, where they come from, the report of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from taxiway.config.schema import Config

if TYPE_CHECKING:
    import pandas as pd


SHOWN: Final = ("state", "alias", "serves", "created_at")


class Svg:
    """A picture that a notebook shows, and that needs nothing from elsewhere."""

    def __init__(self, text: str, style: str = "") -> None:
        opened, end, rest = text.partition(">")
        self.text = f"{opened}{end}<style>{style}</style>{rest}" if style and text else text

    def _repr_svg_(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<a picture, {len(self.text):,} characters of SVG>"


class Page:
    """A page of its own, shown in a frame that runs no script."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def _repr_html_(self) -> str:
        import html

        text = html.escape(self.path.read_text(encoding="utf-8"), quote=True)
        return (
            f'<iframe sandbox="" title="{html.escape(self.path.name)}" width="100%" height="700" '
            f'style="border: 1px solid #8888" srcdoc="{text}"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<{self.path}>"


def versions(config: Config) -> pd.DataFrame:
    """Versions of the config's model, the newest first."""
    import pandas as pd

    from taxiway.registry.catalog.entries import Query, read_entries
    from taxiway.registry.database.session import open_database

    query = Query(
        environment=config.registry.environment, fields=(*SHOWN, "metrics"), words=False,
        model=config.model.name, archived=False,
    )  # fmt: skip
    with open_database(config.registry).reading() as connection:
        found: list[dict[str, Any]] = [dict(one.fields) for one in read_entries(connection, query)]
    if not found:
        return pd.DataFrame(columns=SHOWN)
    table = pd.DataFrame(found).reindex(columns=["version", *SHOWN, *_metrics(found)])
    return table.set_index("version")


def _metrics(rows: list[dict[str, Any]]) -> list[str]:
    return sorted({name for row in rows for name in row if name.startswith("metrics.")})


def lineage(config: Config, subject: str = "") -> Svg:
    """What a version was made of, drawn; without a subject the newest version of the model."""
    from taxiway.lineage.collect import collect
    from taxiway.lineage.drawing.picture import picture
    from taxiway.lineage.drawing.svg import by_our_layout
    from taxiway.lineage.printing.text import Shown
    from taxiway.registry.database.session import open_database

    model, database = config.model.name, open_database(config.registry)
    found = collect(subject or model, model, config.metadata, database)
    return Svg(by_our_layout(picture(found, Shown(config.output.root, False, 0))))


def report(config: Config, run_id: str) -> Page:
    """The report of a run.

    Raises:
      FileNotFoundError: the run has none here.
    """
    path = Path(config.output.report_folder(run_id)) / "report.html"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: run {run_id} has no report here")
    return Page(path)
