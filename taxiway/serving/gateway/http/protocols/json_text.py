"""JSON in and out: orjson, and what it lacks: NaN and Infinity, as TensorFlow Serving has them."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from taxiway.access.refusal import Code, Refusal
from taxiway.serving.requests.ask import Arrays

B64: Final = "b64"
"""The only key of an object that stands for bytes."""

_CONSTANTS: Final = (b"NaN", b"Infinity")
_MISSING: Final = {"NaN": None, "Infinity": float("inf"), "-Infinity": float("-inf")}
"""NaN is what a missing number is in every model here."""
_OPTIONS: Final = orjson.OPT_SERIALIZE_NUMPY


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is. Of a key that comes twice the last one counts.

    NaN is read as null; beside it Infinity and -Infinity are taken, as TensorFlow Serving does.

    Raises:
      Refusal: INVALID, with the place where it ceases to be JSON.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not any(constant in body for constant in _CONSTANTS):
            raise _no_json(error) from None
        document = _with_constants(body)
    if not isinstance(document, dict):
        raise Refusal(
            Code.INVALID, f"the body is a JSON {_json_kind(document)}; expected an object"
        )
    return document


def write(document: Any) -> bytes:
    """A document as JSON; arrays in it become lists, and float32 the shortest number that is it."""
    return orjson.dumps(document, default=_as_plain, option=_OPTIONS)


def write_outputs(key: str, document: Any, outputs: Arrays) -> bytes:
    """`{key: document}`, whose numbers are those of outputs: NaN and Infinity as such."""
    if all(array.dtype.kind != "f" or np.isfinite(array).all() for array in outputs.values()):
        return write({key: document})
    return json.dumps({key: _shortest(document)}, separators=(",", ":")).encode()


def texts(array: npt.NDArray[Any]) -> Any:
    """An array of byte strings as (nested lists of) text; what is no UTF-8 is shown as such."""
    return _mapped(array.tolist(), lambda item: _bytes(item).decode(errors="replace"))


def encoded(array: npt.NDArray[Any]) -> Any:
    """An array of byte strings as (nested lists of) `{"b64": ...}`."""
    return _mapped(array.tolist(), lambda item: {B64: base64.b64encode(_bytes(item)).decode()})


def is_text(array: npt.NDArray[Any]) -> bool:
    """Whether an array holds strings."""
    return array.dtype.kind in "OSU"


def is_b64(value: Any) -> bool:
    """Whether a value of a document stands for bytes."""
    return type(value) is dict and len(value) == 1 and type(value.get(B64)) is str


def from_b64(value: Any) -> bytes:
    """The bytes that a value stands for.

    Raises:
      Refusal: INVALID, it is no base64.
    """
    try:
        return base64.b64decode(value[B64], validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(Code.INVALID, "received {'b64': ...} with what is no base64") from None


def _bytes(item: Any) -> bytes:
    return item.encode() if isinstance(item, str) else bytes(item)


def _mapped(value: Any, change: Any) -> Any:
    return [_mapped(one, change) for one in value] if isinstance(value, list) else change(value)


def _with_constants(body: bytes) -> Any:
    try:
        document = json.loads(body.decode(), parse_constant=_MISSING.__getitem__)
        orjson.dumps(document)  # what it would not have read: half characters, numbers without end
    except (ValueError, TypeError, RecursionError) as error:
        raise _no_json(error) from None
    return document


def _no_json(error: Exception) -> Refusal:
    return Refusal(Code.INVALID, f"the body is no JSON: {str(error)[:200]}")


def _json_kind(document: Any) -> str:
    kinds = {list: "list", str: "string", bool: "boolean", type(None): "null"}
    return kinds.get(type(document), "number")


def _as_plain(value: Any) -> Any:
    """Arrays that orjson does not take: not contiguous, or of another type of number."""
    if isinstance(value, np.ndarray | np.generic):
        return value.astype(np.float64).tolist() if value.dtype.kind in "fV" else value.tolist()
    raise TypeError(type(value).__name__)


def _shortest(value: Any) -> Any:
    """As Python's own values, float32 without the digits that float64 would add."""
    if isinstance(value, np.ndarray):
        return [_shortest(one) for one in value]
    if isinstance(value, np.floating):
        return float(str(value))
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {name: _shortest(one) for name, one in value.items()}
    return [_shortest(one) for one in value] if isinstance(value, list) else value
