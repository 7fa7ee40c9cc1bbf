"""How a run ended, in one sentence, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_ENDED: Final[Mapping[str, str]] = {
    "failed": "Failed in",
    "stopped": "Stopped by",
    "interrupted": "Interrupted in",
    "killed": "Killed in",
}


def sentence(report: Mapping[str, Any]) -> str:
    """Such as `Succeeded: version 1.2.0 was blessed and pushed to /serving/7.`"""
    failure = report["failure"]
    if failure:
        reason = (str(failure["reason"]).splitlines() or [""])[0]
        return f"{_ENDED[report['outcome']]} {failure['node']}{f': {reason}' * bool(reason)}"
    if report["outcome"] != "succeeded":
        open_nodes = [
            one["node"] for one in report["nodes"] if one["state"] not in ("complete", "cached")
        ]
        told = (
            f": {', '.join(open_nodes)} did not end"
            if open_nodes
            else ": nothing of it is on record"
        )
        return f"{report['outcome'].capitalize()}{told}."
    if report["pushed_to"]:
        version = f"version {report['version']}" if report["version"] else "the model"
        return f"Succeeded: {version} was blessed and pushed to {report['pushed_to']}."
    return f"Succeeded, and pushed nothing: {_why_not(report)}."


def _why_not(report: Mapping[str, Any]) -> str:
    evaluation, infra = report["evaluation"], report["infra"]
    unknown = "no reason is on record"
    if evaluation and not evaluation["blessed"]:
        reason = (evaluation["reasons"] or [unknown])[0]
        return f"the Evaluator did not bless the model: {reason}"
    if infra and not infra["blessed"]:
        return f"InfraValidator did not bless the model: {infra.get('reason') or unknown}"
    return "the pipeline has no node that did"
