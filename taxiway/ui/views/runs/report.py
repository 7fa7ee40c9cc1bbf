"""A run's report, as the run has written it: HTML of its own, which may do nothing but be read."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

from starlette.responses import Response

from taxiway.access.refusal import Code, Refusal
from taxiway.registry.runs import IndexedRun
from taxiway.ui.pages import Pages
from taxiway.ui.views.runs.records import named

FILE: Final = "report.html"
LARGEST: Final = 20_000_000
"""Bytes."""
POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
)
"""Its style is its own; `sandbox` makes it of no origin, so that it has nothing of this one."""


def add(pages: Pages) -> None:
    """Adds `/runs/{run}/report`."""
    site = pages.site

    def report(run: str) -> Response:
        found = named(site.database, run)
        path = report_of(found)
        if path is None:
            raise Refusal(
                Code.NOT_FOUND, f"{found.run_id} has no report: it ended before, or was cleaned up"
            )
        headers = {"content-security-policy": POLICY}
        return Response(path.read_bytes(), media_type="text/html", headers=headers)

    pages.router.add_api_route(
        "/runs/{run}/report", report, methods=["GET", "HEAD"], include_in_schema=False
    )


def report_of(run: IndexedRun) -> Path | None:
    """The report in the run's folder, which the index names; None where there is none to show."""
    path = Path(run.folder) / FILE
    try:
        found = path.lstat()
    except (OSError, ValueError):
        return None
    return path if stat.S_ISREG(found.st_mode) and found.st_size <= LARGEST else None
