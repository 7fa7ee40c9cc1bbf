"""MAJOR.MINOR.PIPELINE: what callers must change for, what is better, and all else that is new.

MAJOR rises where the contract with callers is not kept, MINOR where the model is better than the
one that the Evaluator compared it with, on the same rows, and PIPELINE with every other new
content. Parts below one that rises start again at 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from taxiway.registry.versions.contract import incompatibilities
from taxiway.registry.versions.style import Number, Numbered, Style

if TYPE_CHECKING:
    from taxiway.registry.versions.records import Candidate, ModelVersion

PARTS: Final = ("major", "minor", "pipeline")
FIRST: Final = (1, 0, 0)


class SemanticVersioning(Style):
    """MAJOR.MINOR.PIPELINE: what callers must change for, what is better, and all else."""

    kind: Literal["semantic"]
    metric: str = ""
    """Of `evaluation.metrics`, the one by which a model is better; empty means the one by which
    slices are ranked, see `evaluation.rank_by`."""
    margin: Annotated[float, Field(ge=0.0)] = 0.0
    """By more than this much it must be better, in the metric's own unit."""
    confidence: Literal["none", "where_known", "required"] = "where_known"
    """Whether the interval of the change must be better than 0 as a whole: never, where the
    Evaluator computed one (`evaluation.confidence: {kind: bootstrap}`), or always, so that without
    an interval nothing is better."""

    def same_as(self, candidate: Candidate) -> Sequence[Mapping[str, str]]:
        """The same content."""
        return [{"model_digest": candidate.model_digest}]

    def is_same(self, version: ModelVersion, candidate: Candidate) -> bool:
        """The same content with a label of another meaning, or for other requests, is another."""
        return not broken_promises(version, candidate)

    def number(
        self, candidate: Candidate, newest: ModelVersion | None, in_series: ModelVersion | None
    ) -> Numbered:
        """The part that rises is the first of the three that has a reason to."""
        del in_series
        if newest is None:
            reasons = {"major": "begins at 1: the first version of this model"}
            return _numbered(FIRST, reasons | dict.fromkeys(PARTS[1:], "begins at 0"))
        major, minor, pipeline = newest.number
        broken = broken_promises(newest, candidate)
        if broken:
            why = f"rose from {major}, for {newest.name} and this are not alike: "
            begun = dict.fromkeys(PARTS[1:], "begins at 0 again, as MAJOR rose")
            return _numbered((major + 1, 0, 0), {"major": why + "; ".join(broken)} | begun)
        kept = {"major": f"stayed {major}: what goes in and comes out is as {newest.name} has it"}
        better, told = self.judge(candidate.baseline)
        if better:
            begun = {"pipeline": "begins at 0 again, as MINOR rose"}
            reasons = kept | {"minor": f"rose from {minor}: {told}"} | begun
            return _numbered((major, minor + 1, 0), reasons)
        why = f"rose from {pipeline}: another content that is neither incompatible nor better"
        reasons = kept | {"minor": f"stayed {minor}: {told}", "pipeline": why}
        return _numbered((major, minor, pipeline + 1), reasons)

    def judge(self, baseline: Mapping[str, Any]) -> tuple[bool, str]:
        """Whether a model is better than its baseline, and in words why.

        Args:
          baseline: as `Candidate.baseline` has it.
        """
        if "change" not in baseline:
            why = baseline.get("unusable")
            told = f"the baseline could not be used ({why})" if why else "there was no baseline"
            return False, f"{told} to compare it with"
        metric = self.metric or baseline["main_metric"]
        if metric not in baseline["better"]:
            return False, "no metric was measured that has a better and a worse end"
        other = baseline["version"] or "a model without a version"
        if metric not in baseline["change"]:
            return False, f"the change in {metric} from {other} has no value"
        higher = baseline["better"][metric] == "higher"
        gain = baseline["change"][metric] * (1 if higher else -1)
        value = baseline["metrics"][metric] + baseline["change"][metric]
        told = (
            f"{metric} is {value:.6g}, {abs(gain):.4g} {'better' if gain >= 0 else 'worse'} than "
            f"{baseline['metrics'][metric]:.6g} of {other}"
            if gain
            else f"{metric} is {value:.6g}, the same as that of {other}"
        )
        if not gain > self.margin:
            return False, told + (f", margin {self.margin:g}" if gain > 0 else "")
        return self._sure(told, baseline.get("change_intervals", {}).get(metric), higher)

    def _sure(self, told: str, interval: Sequence[float] | None, higher: bool) -> tuple[bool, str]:
        """Whether a gain above the margin is more than chance, as far as that is asked."""
        if self.confidence == "none":
            return True, told
        if interval is None:
            wanted = "; the interval of the change is not known, and is required"
            required = self.confidence == "required"
            return not required, told + (wanted if required else "")
        low, high = interval
        told += f"; the change is within {low:+.4g} and {high:+.4g} (95%)"
        return (low > 0 if higher else high < 0), told


def broken_promises(version: ModelVersion, candidate: Candidate) -> list[str]:
    """Why who calls a version must change for the candidate; empty where nobody must.

    A version of a release before contracts were kept has a digest of one, which says whether names
    and kinds of inputs, label and task are the same, and nothing of domains and definitions.
    """
    before = version.candidate
    if before.contract and candidate.contract:
        return incompatibilities(before.contract, candidate.contract)
    if before.contract_digest == candidate.contract_digest:
        return []
    return ["inputs, label or task have changed (no more is on record of the earlier one)"]


def _numbered(number: Number, reasons: Mapping[str, str]) -> Numbered:
    return Numbered(number, ".".join(map(str, number)), reasons)
