"""What every policy is: how it begins, how it learns, and what chooses by what it has learnt.

A policy has no memory of its own. What it has learnt is its state: plain values as JSON has them,
small, and bounded whatever comes. All of its functions are pure, chance comes in from outside as a
number of [0, 1), and an arm is drawn from the very probabilities that are logged with it.

    policy = parse({"kind": "thompson"})
    state = policy.initial(["1.0.0", "1.1.0"])
    chooser = policy.chooser(state)                 # once per state; requests share it
    arm, propensity, propensities = chooser.choose({}, uniform)
    state = policy.update(state, [Observation(arm, 1.0)])

Arms are named by their versions: what has been learnt of a version stays its own, whichever of them
is the stable one.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final, NamedTuple

from pydantic import Field

from taxiway.delivery.policies.choosers import Choice, Chooser
from taxiway.errors import TaxiwayError
from taxiway.section import Frozen

State = dict[str, Any]
"""What a policy has learnt: `kind`, `arms` (those to choose from), `gone` (those that left and are
remembered, the first to leave first), and what the kind adds."""
Context = Mapping[str, Any]
"""Columns of a request's first row by name."""
MOST_ARMS: Final = 50
"""To choose from."""
MOST_GONE: Final = 20
"""That are remembered; the first that left is forgotten first."""
_LONGEST: Final = 1_000
"""Characters of a cell that tell it from others."""
_LARGEST: Final = 2**63


class Observation(NamedTuple):
    """What came of one choice.

    Args:
      arm: that was chosen.
      reward: finite; higher is better.
      context: columns that the policy names (`Policy.columns`), as they were when it chose.
      propensity: with which the arm was chosen.
    """

    arm: str
    reward: float
    context: Context = MappingProxyType({})
    propensity: float = 1.0

    def to_json(self) -> list[Any]:
        """As plain values; `Observation(*found)` is the way back, and teaches the same."""
        context = {column: plain(value) for column, value in self.context.items()}
        return [self.arm, float(self.reward), context, float(self.propensity)]


def plain(value: Any) -> str | int | float | None:
    """A cell of a request as JSON has it: a finite number, a text that is not long, or None."""
    if isinstance(value, bytes):
        return value[:_LONGEST].decode(errors="replace")
    if isinstance(value, str):
        return value[:_LONGEST].encode(errors="replace").decode()
    if value is None or (isinstance(value, int) and abs(value) < _LARGEST):
        return value
    try:
        found = float(value)
    except OverflowError:
        return None
    except (TypeError, ValueError):
        return str(value)[:_LONGEST]
    return found if math.isfinite(found) else None


class BasePolicy(Frozen):
    """Base of all kinds."""

    contextual: ClassVar[bool] = False
    """Whether the choice depends on the request."""
    ordered: ClassVar[bool] = False
    """Whether it matters in which order the observations of one update stand."""

    kind: str
    floor: Annotated[float, Field(ge=0, le=0.5)] = 0.01
    """Least probability of each arm, so that it can be learnt of any of them what it is worth now;
    where there are too many arms for it, all have the same."""
    keep_gone: bool = True
    """Whether what was learnt of an arm that left is kept for its return; the last 20 are."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Of a request, that it looks at; a context needs no others."""
        return ()

    def initial(self, arms: Sequence[str]) -> State:
        """The state before anything was learnt.

        Raises:
          TaxiwayError: there are no arms, too many, or one twice.
        """
        nothing = {"kind": self.kind, "arms": [], "gone": [], **self._nothing()}
        return self.with_arms(nothing, arms)

    def with_arms(self, state: State, arms: Sequence[str]) -> State:
        """The state with these arms to choose from.

        A new one begins as the prior has it, one that returns as `keep_gone` says.

        Raises:
          TaxiwayError: there are no arms, too many, or one twice.
        """
        _check_arms(arms)
        self._check_kind(state)
        left = [one for one in state["arms"] if one not in arms]
        gone = [one for one in [*state["gone"], *left] if one not in arms]
        kept = gone[-MOST_GONE:] if self.keep_gone else []
        forgotten = [one for one in gone if one not in kept]
        return self._forget(state, forgotten) | {"arms": list(arms), "gone": kept}

    def update(self, state: State, observations: Iterable[Observation]) -> State:
        """The state after more was learnt; the one that is given stays as it is.

        Rewards may be late and in any order. What is of an arm that is not remembered is left out.

        Raises:
          TaxiwayError: an observation that the kind cannot learn from; see `refusal`.
        """
        self._check_kind(state)
        found = list(observations)
        for one in found:
            if why := self.refusal(one):
                raise TaxiwayError(why)
        known = {*state["arms"], *state["gone"]}
        return self._learn(state, [one for one in found if one.arm in known])

    def refusal(self, observation: Observation) -> str:
        """Why nothing can be learnt from it; empty where it can."""
        if not math.isfinite(observation.reward):
            return (
                f"the reward of arm {observation.arm} is {observation.reward}, expected a finite "
                "number"
            )
        if not 0 < observation.propensity <= 1:
            return (
                f"the propensity of arm {observation.arm} is {observation.propensity}, expected "
                "more than 0 and at most 1"
            )
        return ""

    def chooser(self, state: State) -> Chooser:
        """What chooses as of a state; made once, and used for every request until the next state.

        Raises:
          TaxiwayError: the state is another kind's.
        """
        self._check_kind(state)
        return self._chooser(state)

    def choose(self, context: Context, state: State, uniform: float) -> Choice:
        """One choice; see `chooser` for many of the same state.

        Args:
          context: columns of the request.
          state: what was learnt.
          uniform: of [0, 1): the same one, such as made of a key, gives the same arm.
        """
        return self.chooser(state).choose(context, uniform)

    @abstractmethod
    def _nothing(self) -> State:
        """What the kind adds to a state before anything was learnt."""

    @abstractmethod
    def _learn(self, state: State, observations: Sequence[Observation]) -> State:
        """As `update`, of what is known to be sound and of arms that are remembered."""

    @abstractmethod
    def _chooser(self, state: State) -> Chooser:
        """As `chooser`."""

    @abstractmethod
    def _forget(self, state: State, arms: Sequence[str]) -> State:
        """A copy of the state without what was learnt of these arms."""

    def _check_kind(self, state: State) -> None:
        if state.get("kind") != self.kind:
            raise TaxiwayError(
                f"the state is of a policy {state.get('kind')}, expected one of {self.kind}"
            )


def sound(
    policy: BasePolicy, observations: Iterable[Observation]
) -> tuple[list[Observation], list[str]]:
    """Those that can be learnt from, and of each of the others why not."""
    good, refused = [], []
    for one in observations:
        why = policy.refusal(one)
        if why:
            refused.append(why)
        else:
            good.append(one)
    return good, refused


def _check_arms(arms: Sequence[str]) -> None:
    if not 1 <= len(arms) <= MOST_ARMS or len(set(arms)) < len(arms):
        raise TaxiwayError(
            f"got {len(arms)} arms, {len(set(arms))} different ones, expected 1 to {MOST_ARMS}, "
            "each once"
        )
