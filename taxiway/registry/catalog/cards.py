"""The model card: what a version is, from what its run knows and from what people wrote.

Pure: a version becomes sections of plain text, which `markdown.py` writes, a run's report shows as
HTML, and whose places for people stay marked until `taxiway models annotate` fills them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from taxiway.metadata.describe import format_metric

if TYPE_CHECKING:
    from taxiway.registry.versions.records import ModelVersion

FIELDS: Final = {
    "intended_use": "what decisions it is for, and who uses them",
    "out_of_scope": "what it must not be used for",
    "owner": "who answers for it",
    "ethical_considerations": "whom it may treat unfairly or harm, and what was done about it",
    "limitations": "where it is known to be wrong",
}
"""Fields that only a person can fill in, each with what it asks for."""
_VALUES: Final = 8
"""Values of a domain that are shown."""
_DIGITS: Final = 12
"""Of a digest."""


@dataclass(frozen=True)
class Table:
    """Rows under heads; the first column names what the row is of."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """A part of a card; all is plain text.

    Args:
      title: of it.
      text: what a person or the registry says, in paragraphs.
      table: numbers.
      field: the card's field, where it is a person's to fill in.
      asks: what a field that nobody has filled in asks for; empty where it is filled in.
    """

    title: str
    text: str = ""
    table: Table | None = None
    field: str = ""
    asks: str = ""


def card_gaps(version: ModelVersion, fields: Iterable[str] = FIELDS) -> list[str]:
    """Those of the fields that nobody has filled in; an approval policy may ask for more fields."""
    return [name for name in fields if not version.card.get(name, "").strip()]


def card_sections(version: ModelVersion) -> list[Section]:
    """A version's card; a part that its run knew nothing of is left out."""
    facts = version.candidate.facts
    evaluation = _mapping(facts.get("evaluation"))
    found = [
        _about(version),
        *(_field(name, version) for name in [*FIELDS, *_further(version)]),
        _data(_mapping(facts.get("data"))),
        _columns(facts.get("columns") or [], _mapping(facts.get("ranges"))),
        _metrics(version, _mapping(evaluation.get("overall"))),
        _slices(evaluation),
        _training(_mapping(facts.get("training"))),
        _trial(version, _mapping(facts.get("trial"))),
    ]
    return [one for one in found if one is not None]


def _about(version: ModelVersion) -> Section:
    contract = version.candidate.contract
    label = str(contract.get("label") or "")
    definition = str(contract.get("definition") or "")
    rows = [
        ("version", version.subject),
        ("made", f"{version.created_at} by run {version.candidate.run_id}"),
        ("author", version.author),
        ("predicts", f"{label}: {definition}" if definition else label),
        ("task", str(contract.get("task") or "")),
        ("answers", _pairs(_mapping(contract.get("outputs")))),
        *((f"why {part.upper()}", reason) for part, reason in version.reasons.items()),
        ("digest", version.candidate.model_digest),
    ]
    return Section("Model", table=_table(("", ""), [row for row in rows if row[1]]))


def _field(name: str, version: ModelVersion) -> Section:
    text = version.card.get(name, "").strip()
    asks = "" if text else FIELDS.get(name, "what the approval policy asks for")
    return Section(name.replace("_", " ").capitalize(), text=text, field=name, asks=asks)


def _further(version: ModelVersion) -> list[str]:
    """Fields that an approval policy has asked for."""
    return [name for name in version.card if name not in FIELDS]


def _data(data: Mapping[str, Any]) -> Section | None:
    spans = data.get("spans")
    rows = [
        ("spans", ", ".join(map(str, spans)) if isinstance(spans, Sequence) else ""),
        ("rows to train with", _count(data.get("rows_train"))),
        ("rows to evaluate with", _count(data.get("rows_eval"))),
        ("rows dropped", _count(data.get("rows_dropped"))),
        ("rows without a label", _count(data.get("rows_unlabelled"))),
        ("digest of the data", str(data.get("digest") or "")[:_DIGITS]),
        ("digest of the schema", str(data.get("schema_sha256") or "")[:_DIGITS]),
    ]
    told = [row for row in rows if row[1]]
    return Section("Data", table=_table(("", ""), told)) if told else None


def _columns(columns: Sequence[Any], ranges: Mapping[str, Any]) -> Section | None:
    """What a request brings, and the limits within which the model has learned anything."""
    rows = []
    for column in map(_mapping, columns):
        seen = _mapping(ranges.get(str(column.get("name"))))
        missing = seen.get("missing")
        rows.append(
            (
                str(column.get("name", "")),
                str(column.get("type", "")),
                _domain(_mapping(column.get("domain"))),
                _seen(seen),
                f"{missing:.1%}" if isinstance(missing, (int, float)) and missing else "",
            )
        )
    head = ("column", "type", "may be", "seen in training", "missing")
    if not rows:
        return None
    text = "Beyond the values that were seen in training the model has learned nothing."
    return Section("Columns and limits of validity", text, _table(head, rows))


def _metrics(version: ModelVersion, overall: Mapping[str, Any]) -> Section | None:
    """On all rows to evaluate with, beside the model that it was compared with."""
    intervals = _mapping(overall.get("intervals"))
    baseline = version.candidate.baseline
    before, change = _mapping(baseline.get("metrics")), _mapping(baseline.get("change"))
    rows = [
        (
            name,
            format_metric(value),
            _interval(intervals.get(name)),
            format_metric(before[name]) if name in before else "",
            _change(change.get(name)),
        )
        for name, value in sorted(version.candidate.metrics.items())
    ]
    if not rows:
        return None
    head = ("metric", "value", "95% interval", "baseline", "change")
    if baseline.get("unusable"):
        text = f"The baseline could not be used: {baseline['unusable']}"
    elif before:
        other = baseline.get("version") or "a model without a version"
        text = f"The baseline is {other}, on the same rows."
    else:
        text = "It was compared with no other model."
    return Section("Metrics", text, _table(head, rows))


def _slices(evaluation: Mapping[str, Any]) -> Section | None:
    """Where it is worst, by the metric that slices are ranked by."""
    metric = str(evaluation.get("ranked_by") or "")
    rows = []
    for one in map(_mapping, evaluation.get("worst_slices") or []):
        value = _mapping(one.get("metrics")).get(metric)
        interval = _mapping(one.get("intervals")).get(metric)
        rows.append((str(one.get("name", "")), format_metric(value), _interval(interval)))
    if not metric or not rows:
        return None
    text = f"Of {evaluation.get('slices', len(rows))} slices those with the worst {metric}."
    return Section("Worst slices", text, _table(("slice", metric, "95% interval"), rows))


def _training(training: Mapping[str, Any]) -> Section | None:
    settings = _mapping(training.get("hyperparameters"))
    rows = [(name, _plain(value)) for name, value in sorted(settings.items())]
    return Section("Training", table=_table(("hyperparameter", "value"), rows)) if rows else None


def _trial(version: ModelVersion, trial: Mapping[str, Any]) -> Section | None:
    """What was tried before it was pushed."""
    checks = version.candidate.checks
    rows = [(name, "passed" if ok else "not passed") for name, ok in checks.items()]
    rows += [
        (name.replace("_ms", " in ms").replace("_", " "), _plain(value))
        for name, value in trial.items()
    ]
    return Section("Checks", table=_table(("", ""), rows)) if rows else None


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Without columns that are empty in every row."""
    lines = [tuple(row) for row in rows]
    kept = [place for place in range(len(head)) if any(line[place] for line in lines)]
    return Table(
        tuple(head[place] for place in kept),
        tuple(tuple(line[place] for place in kept) for line in lines),
    )


def _domain(domain: Mapping[str, Any]) -> str:
    if "values" in domain:
        return _some(domain["values"])
    ends = (domain.get("min"), domain.get("max"))
    if ends != (None, None):
        low, high = ("" if end is None else _plain(end) for end in ends)
        return (
            f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"
        )
    return _pairs(domain)


def _seen(seen: Mapping[str, Any]) -> str:
    if "values" in seen:
        unique = seen.get("unique")
        count = f"{_count(unique)} values: " if unique else ""
        return count + _some(seen["values"])
    return _domain({end: seen[end] for end in ("min", "max") if end in seen})


def _some(values: Any) -> str:
    listed = list(values) if isinstance(values, (list, tuple)) else [values]
    return ", ".join(map(_plain, [*listed[:_VALUES], *["..."] * (len(listed) > _VALUES)]))


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} ({_plain(value)})" for name, value in values.items())


def _interval(ends: Any) -> str:
    if not isinstance(ends, (list, tuple)) or len(ends) != len(("low", "high")):
        return ""
    return f"{format_metric(ends[0])} to {format_metric(ends[1])}"


def _change(value: Any) -> str:
    return f"{value:+.4f}" if isinstance(value, (int, float)) else ""


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, (int, float)) else ""


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(_plain, value)) if isinstance(value, (list, tuple)) else str(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    """What was written may be of a release that wrote something else there."""
    return value if isinstance(value, Mapping) else {}
