"""`key=value`, as people give fields and tags on the command line, and the tags that it sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from taxiway.cli.registry import OpenRegistry
from taxiway.errors import ConfigError
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.registry.catalog.labels import Subject

TagPairs = Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE...", help="Tags to set.")]
RemovedTags = Annotated[
    list[str] | None, typer.Option("--remove", help="Key of a tag to take away. Repeatable.")
]


def set_tags(
    registry: OpenRegistry,
    about: Subject,
    pairs: Sequence[str] | None,
    removed: Sequence[str] | None,
    reason: str,
) -> None:
    """Sets tags of something and takes others away; prints those that it has then."""
    from taxiway.registry.catalog.labels import change_tags

    values = pairs_of(pairs or (), "KEY=VALUE")
    after = change_tags(registry.database, about, values, removed or (), registry.actor, reason)
    told = ", ".join(f"{key}={value}" for key, value in after.items()) or "no tags"
    typer.echo(f"{one_line(about.name)}: {one_line(told)}")


def check_tags(pairs: Sequence[str] | None, removed: Sequence[str] | None) -> None:
    """Refuses a command that names no tag, before anything is opened."""
    if not (pairs or removed):
        raise ConfigError("no tag is given", edit="KEY=VALUE, or --remove KEY")


def pairs_of(texts: Sequence[str], option: str) -> dict[str, str]:
    """Values by key, each whatever follows the first `=`.

    Raises:
      ConfigError: one has no `=`.
    """
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"expected key=value, got '{text}'", edit=option)
        found[key.strip()] = value
    return found
