"""The page that `taxiway models show` prints: short blocks under bold heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from rich.text import Text

from taxiway.cli.blocks import block, fields, head, page_console
from taxiway.cli.rows import short_time
from taxiway.registry.catalog.cards import FIELDS, card_gaps, card_sections
from taxiway.terminal import one_line, shell

if TYPE_CHECKING:
    from taxiway.registry.catalog.cards import Table as CardTable
    from taxiway.registry.catalog.details import Details

TONES: Final = {"approved": "green", "rejected": "red", "pending": "yellow"}
SHOWN_SECTIONS: Final = ("Metrics", "Worst slices", "Data", "Columns and limits of validity")
"""Of the card, those with numbers, in this order."""
_DIGEST: Final = 12
WHOLE_WEIGHT: Final = 100.0


def print_details(details: Details) -> None:
    """Prints everything that a person may ask about a version."""
    console = page_console()
    version, candidate = details.version, details.version.candidate
    console.print(_title(details))
    console.print()
    fields(console, _about(details))
    block(console, f"Why {version.name}", _reasons(version.reasons))
    sections = {section.title: section for section in card_sections(version)}
    for section in (sections[title] for title in SHOWN_SECTIONS if title in sections):
        if section.table:
            head(console, section.title, section.text)
            console.print(_table(section.table))
    block(console, "Contract", _contract(candidate.contract))
    block(console, "Checks", [(name, _passed(ok)) for name, ok in candidate.checks.items()])
    block(console, "Approval", _approval(details))
    block(console, "Served", _served(details))
    block(console, "Tags", [*details.tags.items(), *_inherited(details)])
    block(
        console,
        "Notes",
        [(f"{short_time(n.written_at)}  {n.written_by}", n.text) for n in details.notes],
    )
    block(console, "Made by", _made_by(details))
    block(console, "Model card", _card(details))


def _title(details: Details) -> Text:
    """The version, and the words that say most about it."""
    title = Text(one_line(details.version.subject), style="bold")
    for name, state in details.states.items():
        where = f" in {one_line(name)}" if name else ""
        title.append(f"  {state.state}{where}", style=TONES[state.state])
    if details.version.archived:
        title.append("  archived", style="red")
    return title


def _about(details: Details) -> list[tuple[str, str]]:
    version = details.version
    names = [f"{name} (protected)" if kept else name for name, kept in details.aliases.items()]
    serves = [one.environment or "the serving folder" for one in details.served if not one.until]
    return [
        ("aliases", ", ".join(names) or "none"),
        ("serves", f"in {', '.join(serves)}" if serves else "nowhere"),
        ("registered", f"{short_time(version.created_at)} UTC by {version.author or 'unknown'}"),
        ("place", version.candidate.pushed_to),
        ("kept copy", version.candidate.artifact_uri or "none"),
        ("digest", version.candidate.model_digest),
        ("signed", "yes" if version.candidate.signature else "no"),
    ]


def _reasons(reasons: Mapping[str, str]) -> list[tuple[str, str]]:
    """Of each part of the number; other styles have reasons of other names."""
    return [(part.upper(), reason) for part, reason in reasons.items()]


def _contract(contract: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is not in the table of columns."""
    outputs = contract.get("outputs")
    answers = outputs if isinstance(outputs, Mapping) else {}
    lines = [
        ("label", str(contract.get("label") or "")),
        ("definition", str(contract.get("definition") or "")),
        ("task", str(contract.get("task") or "")),
        ("answers", ", ".join(f"{name} ({kind})" for name, kind in answers.items())),
    ]
    return [line for line in lines if line[1]]


def _passed(ok: bool) -> Text:
    return Text("passed", style="green") if ok else Text("not passed", style="red")


def _approval(details: Details) -> list[tuple[str, str]]:
    """States, then each decision."""
    lines = []
    for name, state in details.states.items():
        why = f": {state.reason}" if state.reason else ""
        since = short_time(state.changed_at)
        lines.append((name or "state", f"{state.state} since {since}{why}"))
    for one in details.decisions:
        where = f" in {one.environment}" if one.environment else ""
        why = f": {one.reason}" if one.reason else ""
        told = f"{one.decision}{where} by {one.decided_by}{why}"
        lines.append((short_time(one.decided_at), told))
    return lines


def _served(details: Details) -> list[tuple[str, str]]:
    lines = []
    for one in details.served:
        where = one.environment or "serving"
        until = short_time(one.until) if one.until else "now"
        why = f": {one.reason}" if one.reason else ""
        part = "" if one.weight == WHOLE_WEIGHT else f" with {one.weight:g}% of the traffic"
        by = f"asked for by {one.queued_by}, deployed by {one.deployed_by}"
        lines.append((where, f"{short_time(one.since)} to {until}{part}, {by}{why}"))
    return lines


def _inherited(details: Details) -> list[tuple[str, str]]:
    """Tags of the model that the version does not say otherwise."""
    model = details.model_tags.items()
    return [(key, f"{value} (the model's)") for key, value in model if key not in details.tags]


def _made_by(details: Details) -> list[tuple[str, str]]:
    version, run = details.version, details.run
    lines = [("run", version.candidate.run_id)]
    if run:
        started = f"{short_time(run['started_at'])} UTC, {run['seconds']:.0f} s"
        lines.append(("pipeline", f"{run['pipeline']}, {run['outcome']}, {started}"))
        lines.append(("report", f"{run['folder']}/report.html"))
        facts = {name: value for name, value in run["facts"].items() if isinstance(value, str)}
        lines += sorted(facts.items())
    digests = {"code and config": version.candidate.pipeline_digest}
    digests |= {"contract": version.candidate.contract_digest}
    digests |= {"mapping": version.candidate.mapping_digest}
    lines += [(name, digest[:_DIGEST]) for name, digest in digests.items() if digest]
    return [*lines, ("versioning", version.style)]


def _card(details: Details) -> list[tuple[str, str]]:
    version = details.version
    gaps = card_gaps(version)
    lines = [(name.replace("_", " "), text) for name, text in version.card.items()]
    if gaps:
        lines.append(("to fill in", f"{len(gaps)} of {len(FIELDS)} fields: " + ", ".join(gaps)))
        command = shell(["taxiway", "models", "annotate", version.subject, "--field"])
        lines.append(("", f"{command} {gaps[0]}='...'"))
    whole = shell(["taxiway", "models", "show", version.subject, "--card"])
    return [*lines, ("whole card", whole)]


def _table(shown: CardTable) -> Table:
    """A table of the card; numbers stand at the right."""
    table = Table(
        box=None,
        show_header=any(shown.head),
        pad_edge=False,
        header_style="dim",
        padding=(0, 2, 0, 0),
    )
    for place, name in enumerate(shown.head):
        numbers = all(_is_number(row[place]) for row in shown.rows)
        table.add_column(one_line(name), justify="right" if numbers else "left", overflow="fold")
    for row in shown.rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    return table


def _is_number(text: str) -> bool:
    return not text.strip("0123456789.,+-%e") or text == "n/a"
