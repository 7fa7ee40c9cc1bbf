"""A request and its answer, whichever protocol they came by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy.typing as npt

from taxiway.modeling.names import CLASSIFY

Arrays = dict[str, npt.NDArray[Any]]
"""Outputs by name; the first dimension is rows."""

SINGLE: Final = "single"
"""All traffic goes to one version."""
WEIGHTS: Final = "weights"
"""It is split by slots, or that of an audience is."""
OUTSIDE: Final = "audience"
"""It is split, but not that of this request, which is outside of the audience."""
NAMED: Final = "named"
"""The request's path, or its model_spec, names the version."""
OVERRIDE: Final = "override"
"""A header or cookie names it, for someone who looks at it by hand."""


@dataclass
class Ask:
    """What a client wants to know. Exactly one of `columns` and `examples` is given.

    Args:
      model: name.
      rows: how many.
      columns: plain columns by name, one list of `rows` values each; None is missing.
      examples: serialized tf.Examples.
      version: a number of TensorFlow Serving's layout (`3`) or a name of the registry (`1.2.7`);
        empty for whichever the route gives.
      label: an alias of the registry, or `stable`; empty for none.
      key: who asks, where the client or the column `serving.log.key` says so; routes are sticky by
        it, and rows are erased by it.
      request_id: the client's, or made when it came.
      deadline: `time.monotonic()` after which no one waits for the answer.
      protocol: which it came by, for metrics and the access log.
      traceparent: W3C trace context, handed on; empty for none.
      headers: of the request, or the metadata of gRPC, by lower-case name.
      overrides: whether a header or cookie has named the version, to look at it by hand.
    """

    model: str
    rows: int
    columns: Mapping[str, list[Any]] | None
    examples: Sequence[bytes] | None = None
    version: str = ""
    label: str = ""
    key: str = ""
    request_id: str = ""
    deadline: float = 0.0
    protocol: Literal["tfs-rest", "tfs-grpc", "oip-rest", "oip-grpc", "ofrep"] = "tfs-rest"
    traceparent: str = ""
    headers: Mapping[bytes, bytes] = field(default_factory=dict, repr=False)  # has tokens
    overrides: bool = False


@dataclass
class Answer:
    """What a version said.

    Args:
      outputs: of the model.
      version: its name in the registry.
      number: of TensorFlow Serving's layout.
      arm: of the route: `stable`, or the arm that a share of traffic goes to.
      propensity: probability with which the route gave this arm.
      fallback: whether the arm that was chosen failed and this one answered in its place.
      revision: of the route that it went by.
      policy: what chose the arm: `single`, `weights`, `audience` (outside of it), `named`,
        `override`, or the kind of an experiment's policy.
      propensities: of each arm of the route, by its version; they sum to 1.
      experiment: id of the one whose policy chose; 0 for none.
    """

    outputs: Arrays
    version: str
    number: int
    arm: str = "stable"
    propensity: float = 1.0
    fallback: bool = False
    chosen: str = ""
    """The arm that was chosen first; the same as `arm` but after a fallback."""
    revision: int = 0
    policy: str = SINGLE
    propensities: Mapping[str, float] = field(default_factory=dict)
    experiment: int = 0


@dataclass(frozen=True)
class Column:
    """An input of a signature.

    Args:
      name: as the model folder has it.
      dtype: TensorFlow's name: float32, float64, string, int64, bool.
      rank: 1 for a value per row, 2 for a list per row.
    """

    name: str
    dtype: str
    rank: int = 1


@dataclass(frozen=True)
class Signature:
    """What a model takes and gives under one name.

    Args:
      inputs: by name, for our models either columns or one of serialized tf.Examples.
      outputs: by name.
      classes: names of what `classify` scores, in its order; empty where that is not what it does,
        or they are not known.
    """

    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Described:
    """A version that can be asked, for metadata and status documents.

    Args:
      state: as TensorFlow Serving names it: START, LOADING, AVAILABLE, UNLOADING, END.
      error: why it is not available; empty where it is.
    """

    model: str
    version: str
    number: int
    state: Literal["START", "LOADING", "AVAILABLE", "UNLOADING", "END"]
    error: str = ""
    signatures: Mapping[str, Signature] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    weight: float = 0.0
    """Share of the traffic that names no version."""

    @property
    def classes(self) -> tuple[str, ...]:
        """See `Signature.classes`."""
        signature = self.signatures.get(CLASSIFY)
        return () if signature is None else signature.classes
