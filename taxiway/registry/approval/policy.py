"""The kinds of approval policy: one class per `registry.approval.kind`, pure.

A new one is a class with a `kind`, its own keys and what it finds missing, and its name in
`Approval` at the end.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, TypeAdapter, model_validator

from taxiway.section import Frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from taxiway.registry.versions.records import ModelVersion

Check = Literal["evaluator", "infra_validator", "manifest", "signature"]
"""What a version can have passed: both blessings, the digest of each file, the signature."""


@dataclass(frozen=True)
class Standing:
    """What is there for a version in an environment, beside what it is itself.

    Args:
      approvers: names of those whose newest decision is to approve it.
      card_gaps: fields that the policy asks for and the model card has not.
      approved_in: environments where it is approved.
    """

    approvers: frozenset[str] = frozenset()
    card_gaps: tuple[str, ...] = ()
    approved_in: frozenset[str] = frozenset()


class ApprovalPolicy(Frozen):
    """Base of all kinds."""

    @property
    @abstractmethod
    def holds_back(self) -> bool:
        """Whether a push goes to the model store, and not at once to where it serves."""

    @property
    def asked_metrics(self) -> tuple[str, ...]:
        """Metrics that have to be measured."""
        return ()

    @property
    def asked_fields(self) -> tuple[str, ...]:
        """Fields of the model card that have to be filled in."""
        return ()

    @property
    def earlier(self) -> str | None:
        """The environment where a version has to be approved before; None where in none."""
        return None

    def refusals(self, version: ModelVersion) -> list[str]:
        """What the version is or has not, in words, that no one can give it any more."""
        del version
        return []

    def missing(self, version: ModelVersion, standing: Standing) -> list[str]:
        """All that is still missing, in words; nothing where the version is approved."""
        del standing
        return self.refusals(version)

    def refuses_reviewer(self, version: ModelVersion, name: str) -> str:
        """Why someone may not approve the version; empty where they may."""
        del version, name
        return ""


class NoApproval(ApprovalPolicy):
    """Every registered version is approved at once. The default."""

    kind: Literal["none"]

    @property
    def holds_back(self) -> bool:
        """No."""
        return False


class Bound(Frozen):
    """A bound on one metric of the eval split; at least one of the keys is given."""

    metric: Annotated[str, Field(min_length=1)]
    """Name of one of `evaluation.metrics`."""
    lower: float | None = None
    """Smallest value that is let through."""
    upper: float | None = None
    """Largest value that is let through."""

    @model_validator(mode="after")
    def _says_something(self) -> Bound:
        if self.lower is None and self.upper is None:
            raise ValueError(f"the bound on '{self.metric}' needs lower or upper")
        return self

    def broken_by(self, metrics: Mapping[str, float]) -> str:
        """What is wrong, in words; empty where the bound is kept. NaN keeps none."""
        if self.metric not in metrics:
            return f"{self.metric} was not measured"
        value = metrics[self.metric]
        if self.lower is not None and not value >= self.lower:
            return f"{self.metric} is {value:.6g}, and at least {self.lower:.6g} is required"
        if self.upper is not None and not value <= self.upper:
            return f"{self.metric} is {value:.6g}, and at most {self.upper:.6g} is allowed"
        return ""


class RequiredApproval(ApprovalPolicy):
    """A version waits in the model store until all of this is there.

    What a version can no longer get (a metric, a check) rejects it as it is registered; for the
    rest it waits.
    """

    kind: Literal["required"]
    metrics: tuple[Bound, ...] = ()
    """Bounds that it keeps, beside those of the Evaluator's blessing."""
    checks: tuple[Check, ...] = ("evaluator", "infra_validator", "manifest")
    """What it has passed."""
    reviewers: Annotated[int, Field(ge=0, le=100)] = 1
    """How many different people approve it with `taxiway models approve`."""
    approver_is_author: bool = False
    """Whether whoever ran the pipeline that made it may be one of them."""
    card_fields: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Fields of the model card that only a person can fill in, and has to."""
    promoted_from: str | None = None
    """An environment where it is approved before: staging, or "" for that of the runs."""

    @property
    def holds_back(self) -> bool:
        """Yes."""
        return True

    @property
    def asked_metrics(self) -> tuple[str, ...]:
        """Of the bounds."""
        return tuple(bound.metric for bound in self.metrics)

    @property
    def asked_fields(self) -> tuple[str, ...]:
        """As the config has them."""
        return self.card_fields

    @property
    def earlier(self) -> str | None:
        """As the config has it."""
        return self.promoted_from

    def refusals(self, version: ModelVersion) -> list[str]:
        """By bounds and checks."""
        candidate = version.candidate
        broken = (bound.broken_by(candidate.metrics) for bound in self.metrics)
        failed = [name for name in self.checks if candidate.checks.get(name) is not True]
        return [*filter(None, broken), *(f"the check '{name}' did not pass" for name in failed)]

    def missing(self, version: ModelVersion, standing: Standing) -> list[str]:
        """Those, and what people have to do."""
        before = self.promoted_from
        counted = [name for name in standing.approvers if not self.refuses_reviewer(version, name)]
        fewer = self.reviewers - len(counted)
        return [
            *self.refusals(version),
            *(f"the model card's field '{name}'" for name in standing.card_gaps),
            *(
                [f"approval in {before or NO_ENVIRONMENT}"]
                if before is not None and before not in standing.approved_in
                else []
            ),
            *([_people(fewer, self.reviewers)] if fewer > 0 else []),
        ]

    def refuses_reviewer(self, version: ModelVersion, name: str) -> str:
        """The author, unless the policy lets them."""
        if name == version.author and not self.approver_is_author:
            return f"{name} made {version.subject}, and another person has to approve it"
        return ""


NO_ENVIRONMENT: Final = "the environment of the runs"
"""How the one without a name is called."""

Approval = Annotated[NoApproval | RequiredApproval, Field(discriminator="kind")]
"""The `registry.approval` section: every kind of policy."""


def parse_approval(values: object) -> Approval:
    """A policy from plain values, as the table `policies` keeps it."""
    parsed: Approval = TypeAdapter(Approval).validate_python(values)
    return parsed


def _people(fewer: int, reviewers: int) -> str:
    who = "reviewer" if fewer == 1 else "reviewers"
    return f"{fewer} {who}" if fewer == reviewers else f"{fewer} more {who}"
