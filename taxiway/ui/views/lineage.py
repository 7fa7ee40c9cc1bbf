"""Lineage: what a version was made of, or what was made of a span, as a picture and as text."""

from __future__ import annotations

import base64
import threading
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel
from starlette.responses import Response

from taxiway.access.refusal import Code, Refusal
from taxiway.lineage.collect import Lineage, collect
from taxiway.lineage.drawing.picture import picture
from taxiway.lineage.drawing.svg import by_our_layout
from taxiway.lineage.printing.plain import as_plain
from taxiway.lineage.printing.text import Shown, as_text
from taxiway.lineage.subjects import KINDS
from taxiway.ui.pages import PROBLEMS, Pages

Subject = Annotated[
    str,
    Query(
        max_length=500,
        description="A version (flights/1.2.7, @champion), or "
        + ", ".join(f"{one}:" for one in KINDS),
    ),
]


class Drawn(BaseModel):
    """A lineage.

    Args:
      subject: as it was asked for; empty where nothing was.
      text: of the lineage, in trees.
      picture: SVG, as a data URL; empty where there is nothing to draw.
      lineage: artifacts, executions, runs and versions, and how they hang together.
      examples: subjects that can be asked for.
    """

    subject: str
    text: str = ""
    picture: str = ""
    lineage: dict[str, Any] = {}
    examples: list[str] = []


def add(pages: Pages) -> None:
    """Adds `/lineage` and `/lineage.svg`."""
    site = pages.site
    config, database = site.config, site.database
    shown = Shown(config.output.root)
    one_at_a_time = threading.Lock()  # ML Metadata's store has one connection

    def read(subject: str) -> Lineage:
        with one_at_a_time:
            return collect(subject, config.model.name, config.metadata, database)

    def lineage(subject: Subject = "") -> Drawn:
        """What a version was made of, or what was made of a span, a schema, a commit."""
        examples = [kind.example.partition(" ")[0] for kind in KINDS.values()]
        if not subject.strip():
            return Drawn(subject="", examples=[f"{config.model.name}", *examples])
        found = read(subject)
        svg = _svg(found, shown)
        encoded = base64.b64encode(svg.encode()).decode()
        return Drawn(
            subject=found.subject,
            text=as_text(found, shown),
            picture=f"data:image/svg+xml;base64,{encoded}" if svg else "",
            lineage=as_plain(found),
            examples=examples,
        )

    def drawing(subject: Subject) -> Response:
        """The picture of a lineage."""
        found = read(subject)
        svg = _svg(found, shown)
        if not svg:
            raise Refusal(Code.NOT_FOUND, f"there is nothing to draw: {found.missing}")
        return Response(svg, media_type="image/svg+xml")

    pages.add("/lineage", "lineage.html", lineage)
    svg_only: dict[int | str, dict[str, Any]] = {200: {"content": {"image/svg+xml": {}}}}
    pages.router.add_api_route(
        "/lineage.svg", drawing, response_class=Response, responses=svg_only | PROBLEMS
    )


def _svg(found: Lineage, shown: Shown) -> str:
    drawn = picture(found, shown)
    return by_our_layout(drawn) if drawn.boxes else ""
