"""OFREP: a model is a flag, and its value for a user the version that would answer them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from taxiway.access.refusal import Code, Refusal
from taxiway.serving.gateway.http.protocols.json_text import read_object, write
from taxiway.serving.gateway.service import Service
from taxiway.serving.requests.ask import OUTSIDE, SINGLE, Answer, Ask
from taxiway.serving.requests.columns import plain_text

CONFIGURATION: Final[Mapping[str, Any]] = {
    "name": "taxiway",
    "capabilities": {
        "cacheInvalidation": {"polling": {"enabled": True, "minPollingIntervalMs": 1000}},
        "flagEvaluation": {"supportedTypes": ["string"]},
    },
}

_ERRORS: Final = {Code.INVALID: "PARSE_ERROR", Code.NOT_FOUND: "FLAG_NOT_FOUND"}
_KEY_MISSING: Final = "TARGETING_KEY_MISSING"
_KEY: Final = "targetingKey"
_REASONS: Final = {SINGLE: "STATIC", OUTSIDE: "DEFAULT"}
"""By what has chosen; anything else that is certain is made out for this user."""


class FlagError(Refusal):
    """A flag that is not evaluated for a reason that OFREP has a code of its own for."""

    def __init__(self, error_code: str, message: str) -> None:
        super().__init__(Code.INVALID, message)
        self.error_code = error_code

    def __reduce__(self) -> tuple[object, ...]:
        return FlagError, (self.error_code, self.message)


@dataclass(frozen=True)
class Evaluation:
    """Whom a flag is evaluated for.

    Args:
      key: the context's targetingKey; empty where it has none.
      attributes: the rest of the context: what the columns, headers and cookies of a request to
        the model would say.
      headers: of the evaluation's own request; an attribute of the same name counts before them.
      request_id: of the evaluation's own request.
    """

    key: str
    attributes: Mapping[str, Any]
    headers: Mapping[bytes, bytes]
    request_id: str

    def ask(self, model: str) -> Ask:
        """The request to a model that stands for it."""
        said = {name: _said(value) for name, value in self.attributes.items() if _is_plain(value)}
        cookies = [f"{name}={value}" for name, value in said.items() if ";" not in name + value]
        sent = self.headers.get(b"cookie", b"")
        headers = {
            **self.headers,
            **{_bytes(name.lower()): _bytes(value) for name, value in said.items()},
            b"cookie": b"; ".join([*map(_bytes, cookies), sent]),
        }
        columns = {name: [value] for name, value in self.attributes.items()}
        return Ask(
            model,
            1,
            columns,
            key=self.key,
            request_id=self.request_id,
            protocol="ofrep",
            headers=headers,
        )


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else plain_text(value)


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")


def evaluation(body: bytes, headers: Mapping[bytes, bytes], request_id: str) -> Evaluation:
    """What the body and the headers of an evaluation say.

    Raises:
      Refusal: INVALID.
    """
    context = read_object(body).get("context", {}) if body else {}
    if type(context) is not dict:
        raise FlagError("INVALID_CONTEXT", "expected context, as an object")
    key = context.get(_KEY, "")
    if type(key) is not str:
        raise FlagError("INVALID_CONTEXT", "expected context.targetingKey, as a string")
    attributes = {name: value for name, value in context.items() if name != _KEY}
    return Evaluation(key, attributes, headers, request_id)


def evaluated(
    service: Service, model: str, evaluation: Evaluation
) -> tuple[dict[str, Any], Answer]:
    """The flag of a model for a user.

    Raises:
      Refusal: NOT_FOUND; INVALID, traffic is split and the context does not say whose it is.
    """
    ask = evaluation.ask(model)
    choice = service.choose(ask)
    if choice.propensity < 1 and not ask.key:
        raise FlagError(
            _KEY_MISSING,
            f"traffic of '{model}' is split; context.targetingKey says whose version it is",
        )
    document = {
        "key": model,
        "value": choice.version,
        "variant": choice.arm,
        "reason": _reason(choice),
        "metadata": {
            "number": choice.number,
            "propensity": choice.propensity,
            "policy": choice.policy,
        },
    }
    return document, choice


def _reason(choice: Answer) -> str:
    """As OpenFeature names what has led to a value."""
    if choice.propensity < 1:
        return "SPLIT"
    return _REASONS.get(choice.policy, "TARGETING_MATCH")


def all_evaluated(service: Service, evaluation: Evaluation) -> dict[str, Any]:
    """Every flag for a user; one that cannot be evaluated says why in its place."""
    flags = []
    for model in service.models():
        try:
            flags.append(evaluated(service, model, evaluation)[0])
        except Refusal as refusal:
            flags.append(error(model, refusal))
    return {"flags": flags}


def error(model: str, refusal: Refusal) -> dict[str, Any]:
    """The document of a flag that is not evaluated."""
    general = _ERRORS.get(refusal.code, "GENERAL")
    code = refusal.error_code if isinstance(refusal, FlagError) else general
    named = {"key": model} if model else {}
    return {**named, "errorCode": code, "errorDetails": refusal.message}


def etag(document: Mapping[str, Any]) -> bytes:
    """Equal for equal documents, whichever gateway wrote them."""
    return b'"' + hashlib.sha256(write(document)).hexdigest()[:32].encode() + b'"'
