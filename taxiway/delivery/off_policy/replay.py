"""What a policy would have chosen for each decision of a log.

One that learns is evaluated by progressive validation (Blum, Kalai and Langford, 1999; Vowpal
Wabbit's way to evaluate policies): for each decision it chooses by what the decisions before have
taught it, and learns from it afterwards. Each of its choices is then independent of the reward that
it is judged by, and no decision is thrown away, as rejection sampling (Li et al., 2011) throws away
all in which the log chose otherwise. What is estimated is the policy that learns from this log, at
this pace; on its own it would have chosen what to learn from.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from taxiway.delivery.off_policy.logged import Floats, Logged
from taxiway.delivery.policies.policy import BasePolicy, Observation, State
from taxiway.process.progress import Progress, report

MOST_UPDATES: Final = 500
"""Of a log; between two of them a policy learns nothing. Gateways take up a new state no oftener
than each second."""


def decisions_per_update(rows: int) -> int:
    """How many decisions a policy learns from at a time, in a log of so many."""
    return -(-rows // MOST_UPDATES)


def choices(policy: BasePolicy, logged: Logged) -> Floats:
    """(n, k) probability with which the policy would have chosen each arm for each decision.

    Raises:
      TaxiwayError: rewards of which the policy cannot learn, or more arms than it takes.
    """
    found = np.zeros((logged.rows, len(logged.arms)))
    state = policy.initial(logged.arms)
    step = max(1, decisions_per_update(logged.rows))
    for start in range(0, logged.rows, step):
        rows = range(start, min(start + step, logged.rows))
        _fill(found, policy, state, logged, rows)
        report(Progress(start, logged.rows, "decisions"))
        state = policy.update(state, [_observation(policy, logged, row) for row in rows])
    return found


def _fill(found: Floats, policy: BasePolicy, state: State, logged: Logged, rows: range) -> None:
    chooser = policy.chooser(state)
    if not policy.contextual:
        alike = chooser.propensities({})
        found[rows.start : rows.stop] = [alike.get(arm, 0.0) for arm in logged.arms]
        return
    for row in rows:
        propensities = chooser.propensities(logged.context(row, policy.columns))
        found[row] = [propensities.get(arm, 0.0) for arm in logged.arms]


def _observation(policy: BasePolicy, logged: Logged, row: int) -> Observation:
    return Observation(
        logged.arms[logged.chosen[row]],
        float(logged.rewards[row]),
        logged.context(row, policy.columns),
        float(logged.propensities[row]),
    )
