"""OFREP: a model is a flag, and its value for a user the version that would answer them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from taxiway.serving.gateway.http.protocols.json_text import read_object, write
from taxiway.serving.gateway.service import Service
from taxiway.serving.requests.ask import Answer
from taxiway.serving.requests.refusal import Code, Refusal

CONFIGURATION: Final[Mapping[str, Any]] = {
    "name": "taxiway",
    "capabilities": {
        "cacheInvalidation": {"polling": {"enabled": True, "minPollingIntervalMs": 1000}},
        "flagEvaluation": {"supportedTypes": ["string"]},
    },
}

_ERRORS: Final = {Code.INVALID: "PARSE_ERROR", Code.NOT_FOUND: "FLAG_NOT_FOUND"}
_KEY_MISSING: Final = "TARGETING_KEY_MISSING"


class FlagError(Refusal):
    """A flag that is not evaluated for a reason that OFREP has a code of its own for."""

    def __init__(self, error_code: str, message: str) -> None:
        super().__init__(Code.INVALID, message)
        self.error_code = error_code

    def __reduce__(self) -> tuple[object, ...]:
        return FlagError, (self.error_code, self.message)


def targeting_key(body: bytes) -> str:
    """Who is asked for; empty where the context does not say.

    Raises:
      Refusal: INVALID.
    """
    context = read_object(body).get("context", {}) if body else {}
    if type(context) is not dict:
        raise FlagError("INVALID_CONTEXT", "expected context, as an object")
    key = context.get("targetingKey", "")
    if type(key) is not str:
        raise FlagError("INVALID_CONTEXT", "expected context.targetingKey, as a string")
    return key


def evaluated(service: Service, model: str, key: str) -> tuple[dict[str, Any], Answer]:
    """The flag of a model for a user.

    Raises:
      Refusal: NOT_FOUND; INVALID, traffic is split and the context does not say whose it is.
    """
    choice = service.choose(model, key)
    is_split = choice.propensity < 1
    if is_split and not key:
        raise FlagError(
            _KEY_MISSING,
            f"traffic of '{model}' is split; context.targetingKey says whose version it is",
        )
    document = {
        "key": model,
        "value": choice.version,
        "variant": choice.arm,
        "reason": "SPLIT" if is_split else "STATIC",
        "metadata": {"number": choice.number, "propensity": choice.propensity},
    }
    return document, choice


def all_evaluated(service: Service, key: str) -> dict[str, Any]:
    """Every flag for a user; one that cannot be evaluated says why in its place."""
    flags = []
    for model in service.models():
        try:
            flags.append(evaluated(service, model, key)[0])
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
