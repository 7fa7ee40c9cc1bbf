"""Which arm a request goes to, and what is learnt from rewards: one file per policy.

A new one is a file with a class that has a `kind`, its own keys and what `BasePolicy` asks for, and
its name in `Policy`. `choose` and `update` are pure functions, see policy.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from taxiway.delivery.policies.contextual.lin_ucb import LinUcb
from taxiway.delivery.policies.contextual.linear_thompson import LinearThompson
from taxiway.delivery.policies.contextual.vowpal_wabbit import VowpalWabbit
from taxiway.delivery.policies.counted.epsilon_greedy import EpsilonGreedy
from taxiway.delivery.policies.counted.thompson import Thompson
from taxiway.delivery.policies.counted.ucb1 import Ucb1
from taxiway.delivery.policies.counted.weights import Weights

Policy = Annotated[
    Weights | EpsilonGreedy | Ucb1 | Thompson | LinUcb | LinearThompson | VowpalWabbit,
    Field(discriminator="kind"),
]
"""Every kind of policy."""


def parse(settings: Mapping[str, Any]) -> Policy:
    """A policy from its `kind` and its keys.

    Raises:
      pydantic.ValidationError: an unknown kind or key, or a value that cannot be.
    """
    adapter: TypeAdapter[Policy] = TypeAdapter(Policy)
    return adapter.validate_python(settings)
