"""`taxiway models show`: all that is known of a version, on one page."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, VersionArgument
from taxiway.cli.registry import open_registry
from taxiway.terminal import printable

if TYPE_CHECKING:
    from taxiway.registry.versions.records import ModelVersion


def show(
    version: VersionArgument,
    card: Annotated[
        bool, typer.Option("--card", help="Print the model card, as Markdown.")
    ] = False,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Say all that is known of a version: why it has its number, what it is, where it went."""
    from taxiway.registry.catalog.details import read_details
    from taxiway.registry.catalog.references import find

    registry = open_registry(config, assignments)
    with registry.database.reading() as connection:
        found = find(connection, version, registry.model)
        details = read_details(connection, found)
    if card:
        text = _card(found)
        typer.echo(json.dumps(text) if as_json else printable(text), nl=as_json)
    elif as_json:
        typer.echo(json.dumps(_finite(details.to_json()), indent=2, ensure_ascii=False))
    else:
        from taxiway.cli.models.page import print_details

        print_details(details)


def _card(version: ModelVersion) -> str:
    from taxiway.registry.catalog.cards import card_sections
    from taxiway.registry.catalog.markdown import card_markdown

    return card_markdown(version.subject, card_sections(version))


def _finite(value: Any) -> Any:
    """JSON has no number that is none: null stands there."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
