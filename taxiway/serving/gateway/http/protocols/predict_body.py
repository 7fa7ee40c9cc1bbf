"""The bodies of TensorFlow Serving's :predict, :classify and :regress, as what to ask a version.

TensorFlow Serving takes tensors of one signature. Here a request that names no signature gets the
one that its values are of: serialized tf.Examples (`{"b64": ...}`) or plain columns. A column that
an instance lacks is missing, where TensorFlow Serving would refuse the instance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from taxiway.access.refusal import Code, Refusal
from taxiway.errors import did_you_mean
from taxiway.modeling.names import CLASSIFY, COLUMNS, REGRESS, SERVING
from taxiway.serving.gateway.http.protocols.json_text import from_b64, is_b64
from taxiway.serving.requests import columns as columns_
from taxiway.serving.requests.ask import Described
from taxiway.serving.requests.examples import serialized_example
from taxiway.terminal import one_line

INSTANCES: Final = "instances"
INPUTS: Final = "inputs"
EXAMPLES: Final = "examples"
CONTEXT: Final = "context"
SIGNATURE: Final = "signature_name"

_TAKE_EXAMPLES: Final = (SERVING, CLASSIFY, REGRESS)


@dataclass(frozen=True)
class Asked:
    """What a body asks: plain columns or serialized tf.Examples, one of the two.

    Args:
      rows: how many.
      by_row: whether the answer is by row too.
      signature: whose outputs are wanted; empty for whichever the values are of.
    """

    rows: int
    columns: Mapping[str, list[Any]] | None = None
    examples: list[bytes] | None = None
    by_row: bool = True
    signature: str = ""


def predict(document: Mapping[str, Any], version: Callable[[], Described], most: int) -> Asked:
    """What a body of :predict asks.

    Args:
      document: the body.
      version: describes the version that would answer; called where the body leaves open what it
        means.
      most: rows of one request.

    Raises:
      Refusal: INVALID or TOO_LARGE.
    """
    signature = _signature(document, version)
    if INSTANCES in document and INPUTS in document:
        raise Refusal(
            Code.INVALID,
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist",
        )
    if INSTANCES in document:
        instances = document[INSTANCES]
        if type(instances) is not list:
            raise Refusal(Code.INVALID, "Expecting 'instances' to be an list/array")
        if not instances:
            raise Refusal(Code.INVALID, "No values in 'instances' array")
        columns_.check_rows(len(instances), most)
        return _rows(instances, signature, version, most)
    if INPUTS in document:
        return _whole_columns(document[INPUTS], signature, version, most)
    if EXAMPLES in document:  # the input of serving_default by its own name
        return _whole_columns({EXAMPLES: document[EXAMPLES]}, signature, version, most)
    raise Refusal(Code.INVALID, "Missing 'inputs' or 'instances' key")


def examples(document: Mapping[str, Any], version: Callable[[], Described], most: int) -> Asked:
    """What a body of :classify or :regress asks; features of `context` are those of every example.

    Raises:
      Refusal: INVALID or TOO_LARGE.
    """
    signature = _signature(document, version)
    found = document.get(EXAMPLES)
    if type(found) is not list or not found:
        raise Refusal(Code.INVALID, "Expecting 'examples' value to be a list/array with values")
    columns_.check_rows(len(found), most)
    context = document.get(CONTEXT, {})
    for one in (context, *found):
        if type(one) is not dict:
            raise Refusal(Code.INVALID, "Example must be JSON object")
    if context:
        found = [{**context, **one} for one in found]
    if COLUMNS in version().signatures:
        return _columns(_turned(found), most, signature=signature)
    features = [{name: _bytes_kept(value) for name, value in one.items()} for one in found]
    serialized = [serialized_example(one) for one in features]
    return Asked(len(serialized), examples=serialized, signature=signature)


def _signature(document: Mapping[str, Any], version: Callable[[], Described]) -> str:
    """The one that is named; empty for none.

    Raises:
      Refusal: INVALID, the model has it not, or it is not served.
    """
    name = document.get(SIGNATURE, "")
    if type(name) is not str:
        raise Refusal(Code.INVALID, "'signature_name' key must be a string value.")
    if name in ("", COLUMNS, SERVING):
        return name
    known = [one for one in (*_TAKE_EXAMPLES, COLUMNS) if one in version().signatures]
    if name not in known:
        raise Refusal(
            Code.INVALID,
            f'Serving signature name: "{one_line(name[:80])}" not found in signature def'
            f"{did_you_mean(name, known)} (served: {', '.join(known)})",
        )
    return name


def _rows(
    instances: list[Any], signature: str, version: Callable[[], Described], most: int
) -> Asked:
    first = instances[0]
    if type(first) is dict and not is_b64(first):
        if not all(type(one) is dict for one in instances):
            raise Refusal(Code.INVALID, "Expecting object but got list in the input list")
        alone = next(iter(first)) if len(first) == 1 else ""
        if _are_examples(alone, signature, version):
            return _examples([one.get(alone) for one in instances], most, signature=signature)
        return _columns(_turned(instances), most, signature=signature)
    if signature != COLUMNS and (type(first) is str or is_b64(first)):
        return _examples(instances, most, signature=signature)
    return _columns({_only_column(version): instances}, most, signature=signature)


def _whole_columns(
    inputs: Any, signature: str, version: Callable[[], Described], most: int
) -> Asked:
    if type(inputs) is dict and not is_b64(inputs):
        alone = next(iter(inputs)) if len(inputs) == 1 else ""
        if _are_examples(alone, signature, version):
            return _examples(_as_list(inputs[alone]), most, by_row=False, signature=signature)
        for name, values in inputs.items():
            if type(values) is not list:
                raise Refusal(
                    Code.INVALID,
                    f"column '{one_line(name[:80])}': expected a list with a value for each row",
                )
        return _columns(inputs, most, by_row=False, signature=signature)
    values = _as_list(inputs)
    if signature != COLUMNS and values and (type(values[0]) is str or is_b64(values[0])):
        return _examples(values, most, by_row=False, signature=signature)
    return _columns({_only_column(version): values}, most, by_row=False, signature=signature)


def _are_examples(alone: str, signature: str, version: Callable[[], Described]) -> bool:
    """Whether objects of one key have serialized tf.Examples under it."""
    if signature:
        return signature != COLUMNS
    if not alone:
        return False
    takes = version().signatures.get(SERVING)
    return takes is not None and [column.name for column in takes.inputs] == [alone]


def _only_column(version: Callable[[], Described]) -> str:
    takes = version().signatures.get(COLUMNS)
    if takes is None or len(takes.inputs) != 1:
        raise Refusal(
            Code.INVALID,
            "received a plain list, but expecting list of objects as multiple input tensors "
            'required, such as {"instances": [{"column": value}]}',
        )
    return takes.inputs[0].name


def _examples(values: list[Any], most: int, *, by_row: bool = True, signature: str) -> Asked:
    columns_.check_rows(len(values), most)
    return Asked(
        len(values),
        examples=[_serialized(value) for value in values],
        by_row=by_row,
        signature=signature,
    )


def _columns(
    columns: Mapping[str, list[Any]], most: int, *, by_row: bool = True, signature: str
) -> Asked:
    plain = {name: _plain(values) for name, values in columns.items()}
    rows = columns_.checked(plain, most)
    return Asked(rows, columns=plain, by_row=by_row, signature=signature)


def _turned(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Rows as columns; what a row has not is missing."""
    if len(rows) == 1:
        return {name: [value] for name, value in rows[0].items()}
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _plain(values: list[Any]) -> list[Any]:
    """Values without `{"b64": ...}`, which in a column is text."""
    if dict not in map(type, values):
        return values
    return [_text(value) if is_b64(value) else value for value in values]


def _text(value: Any) -> str:
    try:
        return from_b64(value).decode()
    except UnicodeDecodeError:
        raise Refusal(Code.INVALID, "received {'b64': ...} with what is no UTF-8") from None


def _bytes_kept(value: Any) -> Any:
    if type(value) is list:
        return [_bytes_kept(one) for one in value if type(one) is not list]
    return from_b64(value) if is_b64(value) else value


def _serialized(value: Any) -> bytes:
    if is_b64(value):
        return from_b64(value)
    if type(value) is str:
        return value.encode()
    raise Refusal(
        Code.INVALID,
        'expected serialized tf.Examples, each as {"b64": "..."}; '
        f"received a {type(value).__name__}",
    )


def _as_list(value: Any) -> list[Any]:
    return value if type(value) is list else [value]
