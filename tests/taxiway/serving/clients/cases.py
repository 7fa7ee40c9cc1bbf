"""The one list: what every client is asked, what it is answered, and who cannot ask it.

docs/reference/serving-clients.md is written from it, and test_clients.py holds the gateway to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from taxiway.access.refusal import Code

MODEL: Final = "tiny"
LABEL: Final = "champion"
"""Of the first version; the second one has the traffic."""
MOST_ROWS: Final = 1_000
"""`serving.limits.rows` of the gateway."""
PLACES: Final = 1e-6

Kind = Literal["live", "ready", "metadata", "predict", "flag"]


def probability(columns: Mapping[str, list[Any]], number: int = 2) -> list[float]:
    """What version `number` says: by distance, less by an origin that it knows."""
    rows = len(next(iter(columns.values())))
    origins = columns.get("origin", [None] * rows)
    distances = columns.get("distance", [None] * rows)
    found = []
    for origin, distance in zip(origins, distances, strict=True):
        known = 0.0 if distance is None or math.isnan(distance) else distance
        weight = {"JFK": 0.5, "LGA": 1.0}.get(origin, 0.0)
        found.append(1 / (1 + math.exp(weight - number * known / 1000)))
    return found


@dataclass(frozen=True)
class Refused:
    """An answer that is none.

    Args:
      code: the kind.
      told: part of the text.
    """

    code: Code
    told: str = ""


@dataclass(frozen=True)
class Case:
    """What is asked.

    Args:
      name: of the row in the table.
      kind: of request.
      expected: numbers, a refusal, types of columns, a version's number, or that it is so.
      shown: what the table has of it.
    """

    name: str
    kind: Kind
    expected: list[float] | Refused | dict[str, str] | int | Literal[True]
    shown: str
    columns: Mapping[str, list[Any]] = field(default_factory=dict)
    model: str = MODEL
    version: str = ""
    label: str = ""

    def document(self) -> dict[str, Any]:
        """What a client is given, as JSON."""
        return {
            "name": self.name,
            "kind": self.kind,
            "columns": self.columns,
            "model": self.model,
            "version": self.version,
            "label": self.label,
        }


def _predicts(name: str, columns: Mapping[str, list[Any]], number: int = 2, **named: Any) -> Case:
    numbers = probability(columns, number)
    shown = ", ".join(f"{one:.6f}" for one in numbers)
    return Case(name, "predict", numbers, shown, columns, **named)


def _refuses(
    name: str, code: Code, told: str, columns: Mapping[str, list[Any]], **named: Any
) -> Case:
    return Case(name, "predict", Refused(code, told), told or "refused", columns, **named)


_ROWS: Final = {"origin": ["JFK", "LGA"], "distance": [2475.0, 187.5]}

CASES: Final = (
    Case("live", "live", True, "it lives"),
    Case("ready", "ready", True, "it is ready"),
    Case(
        "metadata",
        "metadata",
        {"origin": "string", "distance": "float32"},
        "origin: string, distance: float32",
    ),
    _predicts("predict", _ROWS),
    _predicts("by version number", _ROWS, 1, version="1"),
    _predicts("by registry name", _ROWS, 1, version="1.0.0"),
    _predicts("by label", _ROWS, 1, label=LABEL),
    _predicts("missing column", {"origin": ["JFK"]}),
    _predicts("unseen category", {"origin": ["XXX"], "distance": [1000.0]}),
    _predicts("NaN", {"origin": ["JFK", "JFK"], "distance": [math.nan, 1000.0]}),
    _predicts("a name of other letters", {"origin": ["Z\u00fcrich"], "distance": [-500.0]}),
    _refuses("unknown model", Code.NOT_FOUND, "did you mean 'tiny'?", _ROWS, model="tinny"),
    _refuses("unknown version", Code.NOT_FOUND, "tiny has no version '9' here", _ROWS, version="9"),
    _refuses(
        "wrong type",
        Code.INVALID,
        "column 'distance' (float32): received 'far', expected a number",
        {"origin": ["JFK"], "distance": ["far"]},
    ),
    _refuses(
        "wrong shape",
        Code.INVALID,
        "column 'distance' (float32): received [1.0, 2.0], expected a number",
        {"origin": ["JFK"], "distance": [[1.0, 2.0]]},
    ),
    _refuses("empty batch", Code.INVALID, "", {"origin": [], "distance": []}),
    _refuses(
        "unknown column",
        Code.INVALID,
        "unknown column 'distanc'; did you mean 'distance'?",
        {"origin": ["JFK"], "distanc": [1.0]},
    ),
    _refuses(
        "giant batch",
        Code.TOO_LARGE,
        f"received {MOST_ROWS + 1:,} rows",
        {"distance": [1.0] * (MOST_ROWS + 1)},
    ),
    Case("which version for a user", "flag", 2, "number 2, arm stable"),
    Case(
        "flag of an unknown model",
        "flag",
        Refused(Code.NOT_FOUND, "did you mean 'tiny'?"),
        "did you mean 'tiny'?",
        model="tinny",
    ),
)

_NO_FLAGS: Final = {
    "which version for a user": "only OFREP says which version a user gets",
    "flag of an unknown model": "only OFREP says which version a user gets",
}
_NO_LABEL: Final = {"by label": "the Open Inference Protocol has no labels"}


@dataclass(frozen=True)
class Client:
    """Who asks.

    Args:
      name: of the column in the table.
      told: what it is, for the table.
      codes: whether it is told codes of HTTP or of gRPC.
      elsewhere: whether it is in the environment of `make clients`.
      cannot: by name of a case, why it cannot ask it.
    """

    name: str
    told: str
    codes: Literal["http", "grpc"]
    elsewhere: bool = False
    cannot: Mapping[str, str] = field(default_factory=dict)

    def code(self, refused: Refused) -> str:
        """How it is told of a refusal."""
        return str(refused.code.http) if self.codes == "http" else refused.code.grpc


_KSERVE_VERSIONS: Final = {
    "by version number": "KServe's SDK asks for no version by REST",
    "by registry name": "KServe's SDK asks for no version by REST",
    "unknown version": "KServe's SDK asks for no version by REST",
}
CLIENTS: Final = (
    Client("curl, rows", "TensorFlow Serving's REST, `instances`", "http", cannot=_NO_FLAGS),
    Client("curl, columns", "TensorFlow Serving's REST, `inputs`", "http", cannot=_NO_FLAGS),
    Client(
        "tensorflow-serving-api",
        "TensorFlow Serving's gRPC",
        "grpc",
        cannot={
            **_NO_FLAGS,
            "live": "TensorFlow Serving's gRPC has no call that says whether it lives",
            "by registry name": "a version is a number in TensorFlow Serving's gRPC",
        },
    ),
    Client(
        "tritonclient.http",
        "Open Inference Protocol, REST with its binary extension",
        "http",
        elsewhere=True,
        cannot={**_NO_FLAGS, **_NO_LABEL},
    ),
    Client(
        "tritonclient.grpc",
        "Open Inference Protocol, gRPC",
        "grpc",
        elsewhere=True,
        cannot={**_NO_FLAGS, **_NO_LABEL},
    ),
    Client(
        "kserve, REST",
        "KServe's SDK, Open Inference Protocol in JSON",
        "http",
        elsewhere=True,
        cannot={
            **_NO_FLAGS,
            **_NO_LABEL,
            **_KSERVE_VERSIONS,
            "metadata": "KServe's SDK does not ask for metadata",
        },
    ),
    Client(
        "kserve, gRPC",
        "KServe's SDK, Open Inference Protocol in fields",
        "grpc",
        elsewhere=True,
        cannot={
            **_NO_FLAGS,
            **_NO_LABEL,
            "metadata": "KServe's SDK does not ask for metadata",
        },
    ),
    Client(
        "openfeature",
        "OpenFeature's SDK with the OFREP provider",
        "http",
        cannot={
            case.name: "a flag says which version, and answers nothing else"
            for case in CASES
            if case.kind != "flag"
        },
    ),
)
