"""One self-contained page: a template in the common look, every value escaped and printable."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import jinja2

from taxiway.html.figures import counted, figure, signed
from taxiway.terminal import printable

COMMON: Final = Path(__file__).parent
"""Where `base.html.j2`, `parts.html.j2` and the styles are."""
_EVERYWHERE: Final[Mapping[str, Callable[..., str]]] = {
    "metric": figure,
    "signed": signed,
    "counted": counted,
    "share": lambda value: "n/a" if value is None else f"{100 * value:.1f} %",
    "count": lambda value: "n/a" if value is None else f"{round(value):,}",
    "seconds": lambda value: "n/a" if value is None else f"{value:,.1f}",
}
"""Filters: how a number is written on every page."""


def page(template: str, folder: Path, **values: Any) -> str:
    """A page of a template, which extends `base.html.j2`.

    A value that is a plain `str` is made printable and escaped; `Markup`, as charts are, stays.

    Args:
      template: name of a file in the folder.
      folder: of the templates.
      **values: what the template asks for.

    Raises:
      jinja2.UndefinedError: the template asks for a value that is not there.
    """
    return _environment(folder).get_template(template).render(**values)


@functools.lru_cache
def _environment(folder: Path) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, COMMON]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: printable(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_EVERYWHERE)
    return environment
