"""What of a request and its answer is written, and how it is read back.

Columns are dropped and hashed here, before anything has them: the write-ahead log never does.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from taxiway.serving.decisions.keys import Hasher
from taxiway.serving.requests.ask import Answer, Ask
from taxiway.serving.requests.parsed_examples import NoExampleError, columns_of

if TYPE_CHECKING:
    from taxiway.config.serving import KeptColumn

DECISION: Final = "decision"
REWARD: Final = "reward"
BYTES: Final = "b64"
_HAS_BYTES: Final = b'{"b64":'
_OPTIONS: Final = orjson.OPT_SERIALIZE_NUMPY
_LARGEST: Final = 2**64


@dataclass
class Decision:
    """A request as the log has it.

    Args:
      time_us: when it came, in microseconds since 1970.
      request_id: of the request.
      model: name.
      rows: how many.
      columns: plain columns; missing ones were missing or are not kept.
      examples: serialized tf.Examples that are no such thing, kept as they are.
      outputs: of the model, a value for each row.
<<<<<<< HEAD
      policy: see `Answer.policy`.
      latency: seconds.
      revision: of the route that it went by; 0 in older logs.
      propensities: of each arm of the route, by its version; None in older logs, and where there
        was one.
=======
      propensity: with which `chosen` was chosen.
      policy: what chose; see `Answer.policy`.
      latency: seconds.
      propensities: of the route's arms, by version; empty in records of earlier releases, as what
        follows is 0.
      experiment: id of the one whose policy chose; 0 for none.
      revision: of the route.
>>>>>>> route
    """

    time_us: int
    request_id: str
    model: str
    rows: int
    columns: dict[str, list[Any]] | None
    examples: list[Any] | None
    outputs: dict[str, list[Any]]
    version: str
    number: int
    arm: str
    chosen: str
    fallback: bool
    propensity: float
    latency: float
    key: str | None
    protocol: str
    policy: str
<<<<<<< HEAD
    revision: int = 0
    propensities: dict[str, float] | None = None
=======
    propensities: dict[str, float] = field(default_factory=dict)
    experiment: int = 0
    revision: int = 0
>>>>>>> route
    sequence: int = 0


@dataclass(frozen=True)
class Reward:
    """What came of a decision, or of all decisions of a key for a while.

    Args:
      request_id: of the decision; empty where `key` says whose they were.
      value: of the reward.
      model: whose decision it was.
      name: of the reward, where a model has several.
      time_us: when it came, in microseconds since 1970.
    """

    request_id: str
    value: float
    model: str
    name: str = "reward"
    time_us: int = 0
    sequence: int = -1
    key: str = ""
    """Whose decisions it is of: those within `serving.log.reward_window_hours` before it."""


class Recorder:
    """Makes records of requests, as the config says what of them is kept.

    Args:
      columns: `serving.log.columns`.
      keys: columns that keys come from, which are kept no better than these are.
      hasher: of the log's folder.
    """

    def __init__(
        self, columns: Mapping[str, KeptColumn], keys: Sequence[str], hasher: Hasher
    ) -> None:
        self._hashed = frozenset(name for name, one in columns.items() if one.keep == "hash")
        self._dropped = frozenset(name for name, one in columns.items() if one.keep == "drop")
        self._changes = bool(self._hashed | self._dropped)
        keeps = {columns[key].keep for key in keys if key in columns}
        self._keep_key = next((one for one in ("drop", "hash") if one in keeps), "plain")
        self._hasher = hasher

    def decision(self, ask: Ask, answer: Answer, seconds: float) -> bytes:
        """The body of a record."""
        columns: Any = ask.columns
        examples: Any = None
        if columns is None:
            columns, examples = self._of_examples(ask.examples or ())
        elif self._changes:
            columns = self._kept(columns)
        key = self.kept_key(ask.key)
        # A list in the order of Decision: half of the time and bytes of a mapping.
        return _dumped(
            [
                *(DECISION, int((time.time() - seconds) * 1e6), ask.request_id, ask.model),
                *(ask.rows, columns, examples, answer.outputs, answer.version, answer.number),
                *(answer.arm, answer.chosen or answer.arm, answer.fallback, answer.propensity),
<<<<<<< HEAD
                *(seconds, key, ask.protocol, answer.policy, answer.revision),
                dict(answer.propensities) or None,
=======
                *(seconds, key, ask.protocol, answer.policy),
                *(answer.propensities, answer.experiment, answer.revision),
>>>>>>> route
            ]
        )

    def kept_key(self, key: str) -> str | None:
        """A key as the log has it; None where it has none."""
        if not key or self._keep_key == "drop":
            return None
        return str(self._hasher.value(key)) if self._keep_key == "hash" else key

    def _of_examples(self, examples: Sequence[bytes]) -> tuple[Any, Any]:
        """tf.Examples stay as they are, to be read later; but not with columns that are not kept.

        What cannot be read may have anything in it: then it is left out whole.
        """
        if not self._changes:
            return None, [_base64(one) for one in examples]
        try:
            return self._kept(columns_of(examples)), None
        except NoExampleError:
            return None, None

    def _kept(self, columns: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
        value = self._hasher.value
        return {
            name: [value(one) for one in values] if name in self._hashed else values
            for name, values in columns.items()
            if name not in self._dropped
        }


def reward_body(reward: Reward) -> bytes:
    """The body of a reward's record."""
    time_us = reward.time_us or int(time.time() * 1e6)
    which = (reward.request_id, reward.model, reward.value, reward.name, reward.key)
    return _dumped([REWARD, time_us, *which])


def read_record(sequence: int, body: bytes) -> Decision | Reward:
    """A record of a segment."""
    kind, *values = orjson.loads(body)
    if kind == REWARD:
        time_us, request_id, model, value, name, *key = values  # older ones have no key
        return Reward(request_id, value, model, name, time_us, sequence, *key)
    decision = Decision(*values)
    decision.sequence = sequence
    if _HAS_BYTES not in body:  # as nearly always
        return decision
    decision.outputs = {name: _read(one) for name, one in decision.outputs.items()}
    if decision.columns is not None:
        decision.columns = {name: _read(values) for name, values in decision.columns.items()}
    elif decision.examples is not None:
        decision.examples = _read(decision.examples)
        try:
            decision.columns = columns_of(decision.examples or ())
            decision.examples = None
        except NoExampleError:
            decision.columns = None
    return decision


def _read(values: list[Any]) -> list[Any]:
    return [_bytes(one) if type(one) is dict else one for one in values]


def _base64(value: bytes) -> dict[str, str]:
    return {BYTES: base64.b64encode(value).decode()}


def _bytes(value: dict[str, Any]) -> Any:
    return base64.b64decode(value[BYTES]) if value.keys() == {BYTES} else str(value)


def _dumped(record: list[Any]) -> bytes:
    try:
        return orjson.dumps(record, default=_plain, option=_OPTIONS)
    except TypeError:  # numbers of more than 64 bits, halves of surrogate pairs
        return orjson.dumps(_cleaned(record), option=_OPTIONS)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):  # of text, or not contiguous
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return _base64(value)
    if isinstance(value, (set, frozenset, Mapping, Sequence)):
        return list(value)
    return str(value)


def _cleaned(value: Any) -> Any:
    if isinstance(value, (bytes, np.ndarray, np.generic)):
        return _cleaned(_plain(value))
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int):
        return value if -_LARGEST // 2 <= value < _LARGEST else str(value)
    if isinstance(value, Mapping):
        return {_cleaned(str(name)): _cleaned(one) for name, one in value.items()}
    if isinstance(value, Sequence):
        return [_cleaned(one) for one in value]
    return value
