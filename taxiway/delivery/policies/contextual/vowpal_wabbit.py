"""Vowpal Wabbit's contextual bandits, where the extra `vowpal-wabbit` is installed.

What it has learnt is its model file, compressed, as text. It gets the features of features.py, as
numbers, so that nothing of a request is read as a part of its format. The arm is drawn from its own
distribution over the arms; it learns from rewards in the order in which they are given.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal
from zlib import compress, crc32, decompress

from pydantic import Field

from taxiway.delivery.policies.choosers import Chooser, explored
from taxiway.delivery.policies.contextual.features import FeaturePolicy, encoder, look
from taxiway.delivery.policies.policy import Observation, State
from taxiway.process.extras import needs

if TYPE_CHECKING:
    from vowpalwabbit import Workspace

EXPLORERS: Final[Mapping[str, Callable[[float], str]]] = {
    "epsilon": lambda value: f"--epsilon {value}",
    "squarecb": lambda value: f"--squarecb --gamma_scale {value}",
    "softmax": lambda value: f"--softmax --lambda {value}",
}
"""Its options, by the name of the explorer, from `exploration`."""


class VowpalWabbit(FeaturePolicy):
    """Vowpal Wabbit with `--cb_explore_adf`, every feature crossed with every arm."""

    ordered: ClassVar[bool] = True

    kind: Literal["vowpal_wabbit"]
    explorer: Literal["epsilon", "squarecb", "softmax"] = "epsilon"
    """How it explores, beside the floor."""
    exploration: Annotated[float, Field(gt=0, le=1e4)] = 0.05
    """How much: epsilon of epsilon; gamma_scale of squarecb and lambda of softmax, by which it
    explores less."""
    learning_rate: Annotated[float, Field(gt=0, le=100)] = 0.5
    """Of its regression."""
    bits: Annotated[int, Field(ge=8, le=14)] = 12
    """It has 2 to the power of so many weights."""

    def _nothing(self) -> State:
        self._load("")
        return {"seen": {}, "model": ""}

    def _chooser(self, state: State) -> Chooser:
        return _VowpalChooser(self, state, self._load(state["model"]))

    def _learn(self, state: State, observations: Sequence[Observation]) -> State:
        seen = look(self.features, state["seen"], [one.context for one in observations])
        encode = encoder(self.features, seen)
        workspace = self._load(state["model"])
        try:
            for one in observations:
                arms = list(dict.fromkeys([*state["arms"], one.arm]))
                label = f"0:{-one.reward!r}:{one.propensity!r} "
                labels = [label if arm == one.arm else "" for arm in arms]
                workspace.learn(_lines(encode(one.context), arms, labels))
            return state | {"seen": seen, "model": _saved(workspace)}
        finally:
            workspace.finish()

    def _forget(self, state: State, arms: Sequence[str]) -> State:
        del arms  # its weights do not say whose they are
        return dict(state)

    def _load(self, model: str) -> Workspace:
        """A workspace with a model; empty for one that has learnt nothing."""
        with needs("vowpal-wabbit", "vowpalwabbit", "the policy vowpal_wabbit"):
            from vowpalwabbit import Workspace
        options = (
            f"--cb_explore_adf {EXPLORERS[self.explorer](self.exploration)} --cb_type mtr -q SA "
            f"--learning_rate {self.learning_rate} --bit_precision {self.bits} --quiet"
        )
        if not model:
            return Workspace(options)
        with TemporaryDirectory(prefix="taxiway-") as folder:
            path = Path(folder) / "model"
            path.write_bytes(decompress(b64decode(model)))
            return Workspace(f"{options} --initial_regressor {path}")


class _VowpalChooser(Chooser):
    def __init__(self, policy: VowpalWabbit, state: State, workspace: Workspace) -> None:
        self._arms, self._floor = state["arms"], policy.floor
        self._workspace = workspace
        self._encode = encoder(policy.features, state["seen"])

    def propensities(self, context: Mapping[str, Any]) -> Mapping[str, float]:
        """Its own, in which the sum is as exact as a float of 32 bits, made to sum to 1."""
        found = self._workspace.predict(_lines(self._encode(context), self._arms))
        return explored(self._arms, [max(0.0, one) for one in found], self._floor)


def _lines(row: Sequence[float], arms: Sequence[str], labels: Sequence[str] = ()) -> list[str]:
    """An example in its format: the request, and a line for each arm."""
    shared = " ".join(f"{place}:{one!r}" for place, one in enumerate(row) if one)
    names = [f"|A {crc32(arm.encode()):08x}" for arm in arms]
    return [
        f"shared |S {shared}",
        *(label + name for label, name in zip(labels or [""] * len(arms), names, strict=True)),
    ]


def _saved(workspace: Workspace) -> str:
    with TemporaryDirectory(prefix="taxiway-") as folder:
        path = Path(folder) / "model"
        workspace.save(str(path))
        return b64encode(compress(path.read_bytes())).decode()
