"""What people write on versions: `annotate`, `tag`, `alias`, `archive` and `unarchive`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from taxiway.cli.options import Assignments, ConfigFiles, Reason, VersionArgument
from taxiway.cli.pairs import RemovedTags, TagPairs, check_tags, pairs_of, set_tags
from taxiway.cli.registry import OpenRegistry, open_registry
from taxiway.errors import ConfigError, TaxiwayError
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.registry.catalog.labels import Subject

Why = Annotated[str, typer.Option("--reason", "-m", help="Why; the audit keeps it.")]
SubjectArgument = Annotated[
    str,
    typer.Argument(
        metavar="VERSION|MODEL",
        help="A version, as flights/1.2.7 or @champion; a model's bare name is the model itself.",
    ),
]


def annotate(
    subject: SubjectArgument,
    fields: Annotated[
        list[str] | None,
        typer.Option(
            "--field",
            help='Of the model card: intended_use="...", out_of_scope, owner, '
            "ethical_considerations, limitations; empty takes it back. Repeatable.",
        ),
    ] = None,
    copy: Annotated[
        str, typer.Option(help="A version whose fields are taken over, as far as none is given.")
    ] = "",
    note: Annotated[str, typer.Option(help="A note, which stays as it is.")] = "",
    reason: Reason = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
) -> None:
    """Fill in fields of a version's model card, or write a note on a version or a model."""
    from taxiway.registry.catalog.cards import card_gaps
    from taxiway.registry.catalog.labels import add_note, fill_card

    if not (fields or copy or note):
        raise ConfigError("nothing to write", edit="--field name=text, --copy VERSION, --note text")
    registry = open_registry(config, assignments)
    about = _subject(registry, subject)
    if (fields or copy) and about.kind == "model":
        raise ConfigError(
            f"'{subject}' is a model, and a card is a version's",
            edit=f"VERSION, such as {subject}/1.2.7 or {subject}@champion",
        )
    given = pairs_of(fields or (), "--field")
    if copy:
        given = {**registry.find(copy).card, **given}
    if note:
        add_note(registry.database, about, note, registry.actor)
        typer.echo(f"noted on {one_line(about.name)}")
    if given:
        version = registry.find(about.name)
        filled = fill_card(registry.database, version, given, registry.actor, reason)
        gaps = ", ".join(card_gaps(filled)) or "none"
        typer.echo(f"the card of {one_line(about.name)}: still to be filled in: {one_line(gaps)}")


def tag(
    subject: SubjectArgument,
    pairs: TagPairs = None,
    removed: RemovedTags = None,
    reason: Reason = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
) -> None:
    """Set tags of a version, or of a model: those of a model hold for all its versions."""
    check_tags(pairs, removed)
    registry = open_registry(config, assignments)
    about = _subject(registry, subject)
    set_tags(registry, about, pairs, removed, reason)


def alias(
    version: VersionArgument,
    name: Annotated[
        str, typer.Argument(metavar="ALIAS", help="Such as candidate, champion, or one's own.")
    ],
    remove: Annotated[bool, typer.Option("--remove", help="Take it from this version.")] = False,
    reason: Reason = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
) -> None:
    """Give a version an alias, which moves there from the one that had it.

    One of registry.protected_aliases, such as champion, means approved versions only.
    """
    from taxiway.registry.catalog.aliases import move_alias, remove_alias

    registry = open_registry(config, assignments)
    found = registry.find(version)
    settings = registry.config.registry
    protected = settings.protected_aliases
    called = f"{found.candidate.model}@{name}"
    if remove:
        remove_alias(registry.database, found, name, registry.actor, protected, reason)
        typer.echo(f"{one_line(called)} is gone; it was {one_line(found.subject)}")
        _mirror(registry, found.candidate.model)
        return
    before = move_alias(
        registry.database, found, name, registry.actor, protected, settings.environment, reason
    )
    was = f"; it was {one_line(before)}" if before and before != found.name else ""
    typer.echo(f"{one_line(called)} is {one_line(found.subject)}{was}")
    _mirror(registry, found.candidate.model)


def archive(
    version: VersionArgument,
    reason: Why,
    config: ConfigFiles = None,
    assignments: Assignments = None,
) -> None:
    """Put a version away: lists leave it out, and nothing approves or deploys it any more."""
    from taxiway.registry.catalog.aliases import archive as put_away

    registry = open_registry(config, assignments)
    found = registry.find(version)
    lost = put_away(registry.database, found, registry.actor, reason)
    without = f", without its alias {', '.join(lost)}" if lost else ""
    typer.echo(f"{one_line(found.subject)} is archived{one_line(without)}")
    if lost:
        _mirror(registry, found.candidate.model)


def unarchive(
    version: VersionArgument,
    reason: Why,
    config: ConfigFiles = None,
    assignments: Assignments = None,
) -> None:
    """Bring an archived version back."""
    from taxiway.registry.catalog.aliases import unarchive as bring_back

    registry = open_registry(config, assignments)
    found = registry.find(version)
    bring_back(registry.database, found, registry.actor, reason)
    typer.echo(f"{one_line(found.subject)} is back in the lists")


def _mirror(registry: OpenRegistry, model: str) -> None:
    """Tells of a model's aliases where runs are mirrored; it is done, whether that goes well."""
    try:
        from taxiway.tracking.mlflow.post import mirror_model
    except ModuleNotFoundError:  # taken away, as a fork may
        return
    try:
        mirror_model(registry.config, model)
    except TaxiwayError as error:
        typer.echo(f"not mirrored: {one_line(error.message)}", err=True)


def _subject(registry: OpenRegistry, text: str) -> Subject:
    """What is tagged: a model by its bare name, else a version."""
    from taxiway.registry.catalog.labels import Subject
    from taxiway.registry.catalog.references import is_model

    with registry.database.reading() as connection:
        if is_model(connection, text):
            return Subject("model", text)
    return Subject("version", registry.find(text).subject)
