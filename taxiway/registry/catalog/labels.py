"""What people write beside models and versions: tags, notes and fields of the model card."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, delete, insert, select, update

from taxiway.errors import ConfigError, did_you_mean
from taxiway.registry.approval.reconsider import reconsider
from taxiway.registry.approval.recorded import recorded_policies
from taxiway.registry.auth.actor import Actor, Permission
from taxiway.registry.catalog.cards import FIELDS
from taxiway.registry.database.session import Change, Database
from taxiway.registry.database.tables import NAME, model_versions, notes, now, tags
from taxiway.registry.versions.records import ModelVersion, read_version

Kind = Literal["model", "version", "run"]
LONGEST: Final = 100_000
"""Characters of a tag's value, a note or a field of a card."""


@dataclass(frozen=True)
class Subject:
    """What tags and notes are of.

    Args:
      kind: of it.
      name: `flights`, `flights/1.2.7`, or a run's id.
    """

    kind: Kind
    name: str


@dataclass(frozen=True)
class Note:
    """A note, as someone wrote it."""

    text: str
    written_by: str
    written_at: str


def tags_of(connection: Connection, subject: Subject) -> dict[str, str]:
    """By key, in their order."""
    of = tags.c
    mine = (of.subject_kind == subject.kind) & (of.subject == subject.name)
    rows = connection.execute(select(of.key, of.value).where(mine).order_by(of.key))
    return {row.key: row.value for row in rows}


def notes_of(connection: Connection, subject: Subject) -> list[Note]:
    """Oldest first."""
    of = notes.c
    mine = (of.subject_kind == subject.kind) & (of.subject == subject.name)
    rows = connection.execute(select(notes).where(mine).order_by(of.id))
    return [Note(row.text, row.written_by, row.written_at) for row in rows]


def change_tags(
    database: Database,
    subject: Subject,
    values: Mapping[str, str],
    removed: Collection[str],
    actor: Actor,
    reason: str = "",
) -> dict[str, str]:
    """Sets some tags and takes others away; gives all that the subject has then.

    Raises:
      ConfigError: a key or value cannot be kept, or a tag to be taken away is not there.
      NotAllowed: the actor may not annotate.
    """
    for key, value in values.items():
        _check_key(key)
        _check_text(value, f"the tag '{key}'")
    with database.changing(actor, Permission.ANNOTATE) as change:
        before = tags_of(change.connection, subject)
        for key in removed:
            if key not in before:
                there = ", ".join(before) or "none"
                raise ConfigError(
                    f"{subject.name} has no tag '{key}'{did_you_mean(key, before)} "
                    f"(it has: {there})",
                    edit="--remove",
                )
        kept = {key: value for key, value in before.items() if key not in set(removed)}
        after = dict(sorted({**kept, **values}.items()))
        changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
        for key in changed:
            _write_tag(change.connection, subject, key, after.get(key))
        if changed:
            old = {key: before[key] for key in changed if key in before}
            new = {key: after[key] for key in changed if key in after}
            change.record("tags.changed", subject.name, old, new, reason)
        return after


def add_note(database: Database, subject: Subject, text: str, actor: Actor) -> None:
    """Appends a note; none is ever changed.

    Raises:
      ConfigError: it is empty, or too long.
      NotAllowed: the actor may not annotate.
    """
    _check_text(text, "the note")
    if not text.strip():
        raise ConfigError("a note has a text, and this one is empty", edit="--note")
    with database.changing(actor, Permission.ANNOTATE) as change:
        values = {"subject_kind": subject.kind, "subject": subject.name, "text": text}
        values |= {"written_by": actor.name, "written_at": now()}
        change.connection.execute(insert(notes).values(values))
        change.record("note.written", subject.name, None, {"text": text})


def fill_card(
    database: Database,
    version: ModelVersion,
    fields: Mapping[str, str],
    actor: Actor,
    reason: str = "",
) -> ModelVersion:
    """Fills in fields of a version's model card; an empty text takes one back.

    Where the version waits for nothing else, its policy lets it through.

    Args:
      database: the registry.
      version: whose card it is.
      fields: texts by field: those of `FIELDS`, and what a policy of the model asks for.
      actor: who does.
      reason: why.

    Raises:
      ConfigError: the card has no such field, or a text cannot be kept.
      NotAllowed: the actor may not annotate.
    """
    with database.changing(actor, Permission.ANNOTATE) as change:
        _check_fields(fields, known_fields(change.connection, version))
        before = read_version(change.connection, version.id).card
        given = {name: text.strip() for name, text in fields.items()}
        after = {name: text for name, text in {**before, **given}.items() if text}
        _record_card(change, version, before, after, reason)
        filled = read_version(change.connection, version.id)
        reconsider(change, filled)
        return filled


def known_fields(connection: Connection, version: ModelVersion) -> list[str]:
    """Fields that a version's card may have: the usual ones, and what its model's policies ask."""
    policies = recorded_policies(connection, version.candidate.model)
    asked = (name for record in policies for name in record.approval.asked_fields)
    return list(dict.fromkeys([*FIELDS, *asked]))


def _check_fields(fields: Mapping[str, str], known: Collection[str]) -> None:
    for name, text in fields.items():
        if name not in known:
            raise ConfigError(
                f"the model card has no field '{name}'{did_you_mean(name, known)} "
                f"(known: {', '.join(known)})",
                edit="--field",
            )
        _check_text(text, f"the field '{name}'")


def _record_card(
    change: Change,
    version: ModelVersion,
    before: Mapping[str, str],
    after: Mapping[str, str],
    reason: str,
) -> None:
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if not changed:
        return
    this = model_versions.c.id == version.id
    change.connection.execute(update(model_versions).where(this).values(card=dict(after)))
    old: dict[str, Any] = {name: before[name] for name in changed if name in before}
    new = {name: after[name] for name in changed if name in after}
    change.record("card.changed", version.subject, old, new, reason)


def _write_tag(connection: Connection, subject: Subject, key: str, value: str | None) -> None:
    of = tags.c
    this = (of.subject_kind == subject.kind) & (of.subject == subject.name) & (of.key == key)
    connection.execute(delete(tags).where(this))
    if value is not None:
        about = {"subject_kind": subject.kind, "subject": subject.name}
        connection.execute(insert(tags).values(about | {"key": key, "value": value}))


def _check_key(key: str) -> None:
    if not key or len(key) > NAME or not key.isprintable() or any(map(str.isspace, key)):
        raise ConfigError(
            f"'{key}' cannot be a tag's key: expected 1 to {NAME} visible characters, no blanks",
            edit="key=value",
        )


def _check_text(text: str, what: str) -> None:
    if len(text) > LONGEST:
        raise ConfigError(
            f"{what} has {len(text):,} characters, and {LONGEST:,} are kept at most", edit=what
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{what} has bytes that are no UTF-8", edit=what) from None
    if "\0" in text:
        raise ConfigError(f"{what} has a NUL character, which databases do not keep", edit=what)
