"""Records of runs into a comparison: what differs that can matter first, then what came of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from taxiway.tracking.compare.differences import SECTIONS, Comparison, Difference, Measure, Section
from taxiway.tracking.compare.inputs import (
    data_differences,
    feature_differences,
    package_differences,
)
from taxiway.tracking.compare.measures import compare_metrics, compare_slices
from taxiway.tracking.compare.settings import config_differences
from taxiway.tracking.compare.sources import Texts, code_differences, no_texts
from taxiway.tracking.run_record.record import RunRecord

NAMED: Final = 6
"""Names of a section that the sentence tells."""
_ON_RECORD: Final[Mapping[Section, Callable[[RunRecord], bool]]] = {
    "config": lambda record: bool(record.config),
    "features": lambda record: bool(record.features),
    "data": lambda record: bool(record.data.files),
    "code": lambda record: bool(record.code.files),
    "lock": lambda record: bool(record.packages.releases or record.packages.lock),
}


def compare_runs(
    records: Sequence[RunRecord], texts: Texts = no_texts, metrics: Collection[str] = ()
) -> Comparison:
    """Two runs or more, all against the first.

    Args:
      records: of the runs.
      texts: gives the texts of the files that they used.
      metrics: only these; empty for all.
    """
    lacks = {section: _lacking(records, section) for section in SECTIONS}
    read: Mapping[Section, Callable[[], list[Difference]]] = {
        "config": lambda: config_differences(records),
        "features": lambda: feature_differences(records),
        "data": lambda: data_differences(records),
        "code": lambda: code_differences(records, texts),
        "lock": lambda: package_differences(records),
    }
    found = [one for section in SECTIONS if not lacks[section] for one in read[section]()]
    not_on_record = {section: runs for section, runs in lacks.items() if runs}
    measured = compare_metrics(records, metrics)
    return Comparison(
        tuple(record.run_id for record in records),
        _sentence(records, found, not_on_record, measured),
        tuple(found),
        not_on_record,
        tuple(measured),
        tuple(compare_slices(records, metrics)),
    )


def _lacking(records: Sequence[RunRecord], section: Section) -> tuple[str, ...]:
    has = _ON_RECORD[section]
    return tuple(dict.fromkeys(record.run_id for record in records if not has(record)))


def _sentence(
    records: Sequence[RunRecord],
    found: Sequence[Difference],
    not_on_record: Mapping[Section, tuple[str, ...]],
    measured: Sequence[Measure],
) -> str:
    if len({record.run_id for record in records}) == 1:
        return "identical: it is the same run"
    moved = [one.name for one in measured if one.largest]
    rest = _not_compared(not_on_record)
    if found:
        parts = [_part(section, found) for section in SECTIONS]
        return f"they differ in {_listed([part for part in parts if part])}{rest}"
    if moved:
        return f"nothing that can matter differs, and yet metrics do: {_few(moved)}{rest}"
    if not_on_record:
        return f"nothing that is on record differs{rest}"
    return "identical: nothing that can matter differs, and no metric does"


def _part(section: Section, found: Sequence[Difference]) -> str:
    names = [one.name for one in found if one.section == section]
    return f"{section} ({_few(names)})" if names else ""


def _few(names: Sequence[str]) -> str:
    more = f", and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _listed(parts: Sequence[str]) -> str:
    *others, last = parts
    return f"{', '.join(others)} and {last}" if others else last


def _not_compared(not_on_record: Mapping[Section, tuple[str, ...]]) -> str:
    if not not_on_record:
        return ""
    parts = (f"{section} (of {', '.join(runs)})" for section, runs in not_on_record.items())
    return f"; not on record, and so not compared: {', '.join(parts)}"
