"""Rewards joined to decisions as they come: in memory, beside the log that keeps both.

    POST -> decision log
         -> this gateway knows the decision: counted
         -> it does not: table posted_rewards -> a gateway that does takes it from there

A reward that comes again takes the place of the one before; of two the later by its time counts, as
in the log. What nobody has taken after `delivery.rewards.seconds` is removed and counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from taxiway.delivery.section import Rewards
from taxiway.serving.decisions.record import Reward
from taxiway.serving.decisions.rewards.posted import RewardSink
from taxiway.serving.delivering.measuring.meter import Meter
from taxiway.serving.delivering.rewards.decided import Decided, Remembered, key_digest
from taxiway.serving.delivering.rewards.records import Posted

MOST_WAITING: Final = 20_000
"""Rewards without a decision that a gateway holds, of all models; more are counted and dropped."""
_MICRO: Final = 1e6

Learn = Callable[[Decided, Reward], None]
"""Hears of the first reward of a decision that an experiment's policy has made."""


@dataclass
class RewardCounts:
    """Of this process, for people.

    Args:
      joined: rewards that were counted for a version.
      posted: that were put into the table, as their decision was not known here.
      dropped: that could not be, as there were too many.
      lost: that this gateway removed from the table, as nobody had taken them.
    """

    joined: int = 0
    posted: int = 0
    dropped: int = 0
    lost: int = 0


class LiveRewards:
    """A `RewardSink` that joins what it has kept. For one event loop.

    Args:
      log: keeps rewards, before they are joined.
      meter: is told of them.
      settings: how much is remembered.
      window_seconds: how long before a reward by key the decisions are that it is of.
      learn: see `Learn`.
      clock: seconds since the epoch; tests bring their own.
    """

    def __init__(
        self,
        log: RewardSink,
        meter: Meter,
        settings: Rewards,
        window_seconds: float,
        learn: Learn,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.counts = RewardCounts()
        self._log = log
        self._meter = meter
        self._settings = settings
        self._window = window_seconds
        self._learn = learn
        self._clock = clock
        self._remembered: dict[str, Remembered] = {}
        self._expected: dict[str, float] = {}
        self._to_post: list[Posted] = []
        self._posted: dict[int, Posted] = {}
        self._posted_of: dict[tuple[str, str], list[Posted]] = {}
        self._wanted: dict[int, Posted] = {}

    async def record_reward(self, reward: Reward) -> None:
        """Takes one; see `RewardSink`."""
        await self._log.record_reward(reward)
        now = self._clock()
        time_us = reward.time_us or int(now * _MICRO)
        digest = key_digest(reward.model, reward.key) if reward.key else ""
        posted = Posted(
            0, reward.model, reward.request_id, digest, reward.name, reward.value, time_us, now
        )
        if self._found(posted):
            self._count(posted)
        elif self._expected.get(reward.model, 0.0) > now:
            if len(self._to_post) < MOST_WAITING:
                self._to_post.append(posted)
            else:
                self.counts.dropped += 1

    def expect(self, model: str) -> None:
        """Says that a model's requests are split now, so that rewards of them may come."""
        self._expected[model] = self._clock() + self._settings.seconds

    def expecting(self) -> list[str]:
        """Models whose requests are split, or were a while ago."""
        now = self._clock()
        return [model for model, until in self._expected.items() if until > now]

    def too_old(self) -> float:
        """When what nobody waits for any more was posted, at the latest; seconds since 1970."""
        return self._clock() - self._settings.seconds

    def decided(self, model: str, decided: Decided) -> None:
        """Remembers a decision, of which a reward may be here already."""
        of_model = self._remembered.get(model)
        if of_model is None:
            settings = self._settings
            of_model = self._remembered[model] = Remembered(settings.decisions, settings.seconds)
        of_model.add(decided)
        if self._posted_of:
            for which in (decided.request_id, decided.digest):
                for posted in self._posted_of.get((model, which), ()) if which else ():
                    if self._found(posted):
                        self._wanted[posted.id] = posted

    def to_post(self) -> list[Posted]:
        """Rewards that are to be put into the table."""
        found, self._to_post = self._to_post, []
        return found

    def not_posted(self, found: Sequence[Posted]) -> None:
        """Has what `to_post` gave be given again, as it could not be written."""
        self._to_post = [*found, *self._to_post][:MOST_WAITING]

    def seen(self, found: Sequence[Posted]) -> None:
        """Takes note of rewards that are in the table."""
        for posted in found:
            if len(self._posted) >= MOST_WAITING:
                self.counts.dropped += 1
                continue
            self._posted[posted.id] = posted
            self._posted_of.setdefault((posted.model, posted.which), []).append(posted)
            if self._found(posted):
                self._wanted[posted.id] = posted

    def wanted(self) -> list[Posted]:
        """Rewards in the table whose decision is known here now; `taken` says whose they are."""
        return list(self._wanted.values())

    def taken(self, asked: Sequence[Posted], mine: Sequence[Posted]) -> None:
        """Counts rewards that were taken out of the table.

        Args:
          asked: that were looked for; those of them that others have are forgotten.
          mine: that this gateway has taken.
        """
        for posted in asked:
            self._unlist(posted)
        for posted in mine:
            self._count(posted)

    def tidy(self) -> bool:
        """Forgets what is too old; whether there may be something of the kind in the table."""
        now = self._clock()
        for of_model in self._remembered.values():
            of_model.tidy(now)
        too_old = [one for one in self._posted.values() if one.at < self.too_old()]
        for posted in too_old:
            self._unlist(posted)
        return bool(too_old)

    def _unlist(self, posted: Posted) -> None:
        self._wanted.pop(posted.id, None)
        if self._posted.pop(posted.id, None) is None:
            return
        which = (posted.model, posted.which)
        left = [one for one in self._posted_of[which] if one.id != posted.id]
        if left:
            self._posted_of[which] = left
        else:
            del self._posted_of[which]

    def _found(self, posted: Posted) -> list[Decided]:
        """Decisions that a reward is of."""
        of_model = self._remembered.get(posted.model)
        if of_model is None:
            return []
        if posted.digest:
            at = posted.time_us / _MICRO
            return of_model.of_key(posted.digest, at - self._window, at)
        decided = of_model.of_request(posted.request_id)
        return [] if decided is None else [decided]

    def _count(self, posted: Posted) -> None:
        for decided in self._found(posted):
            rewards = decided.rewards = decided.rewards if decided.rewards is not None else {}
            before = rewards.get(posted.name)
            if before is not None and before[1] > posted.time_us:
                continue
            rewards[posted.name] = (posted.value, posted.time_us)
            if decided.where is None:
                continue
            was = None if before is None else before[0]
            self._meter.rewarded(decided.where, posted.name, posted.value, was)
            self.counts.joined += before is None
            if before is None and decided.context is not None:
                self._learn(decided, posted.reward())
