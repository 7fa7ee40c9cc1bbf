"""The body of the Open Inference Protocol's infer, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from taxiway.access.refusal import Code, Refusal
from taxiway.errors import did_you_mean
from taxiway.modeling.names import COLUMNS, SERVING
from taxiway.serving.gateway.http.protocols.json_text import read_object, write
from taxiway.serving.gateway.http.protocols.tensors import (
    DATATYPES,
    bytes_of,
    data_of,
    described,
    values_of,
)
from taxiway.serving.requests import columns as columns_
from taxiway.serving.requests.ask import Answer, Arrays, Column, Described
from taxiway.terminal import one_line

_SIZE: Final = "binary_data_size"
_BINARY: Final = "binary_data"
_ALL_BINARY: Final = "binary_data_output"


@dataclass(frozen=True)
class Inferred:
    """What a body asks, and how its answer is to look.

    Args:
      rows: how many.
      columns: plain columns; None where there are examples.
      examples: serialized tf.Examples; None where there are columns.
      request_id: of the body; empty for none.
      outputs: names that are wanted, and whether as bytes; empty for all.
      binary: whether outputs that are not named come as bytes.
      timeout_seconds: that Triton's clients ask for; 0 for none.
    """

    rows: int
    columns: Mapping[str, list[Any]] | None
    examples: list[bytes] | None
    request_id: str = ""
    outputs: Mapping[str, bool] = field(default_factory=dict)
    binary: bool = False
    timeout_seconds: float = 0.0


def infer(body: bytes, header_length: int | None, version: Described, most: int) -> Inferred:
    """What a body of infer asks.

    Args:
      body: a JSON object, and behind it the bytes of inputs that say so.
      header_length: of the JSON object, from Inference-Header-Content-Length; None for all of it.
      version: that would answer.
      most: rows of one request.

    Raises:
      Refusal: INVALID or TOO_LARGE.
    """
    length = len(body) if header_length is None else header_length
    if length > len(body):
        raise Refusal(
            Code.INVALID,
            f"received {len(body)} bytes, and Inference-Header-Content-Length: {length}",
        )
    document = read_object(body[:length])
    parameters = _parameters(document)
    outputs = _wanted(document, binary=parameters.get(_ALL_BINARY) is True)
    inputs = document.get("inputs")
    if type(inputs) is not list or not inputs:
        raise Refusal(Code.INVALID, "expected inputs, as a list of tensors")
    tensors = _tensors(inputs, memoryview(body)[length:])
    columns, examples = _parted(tensors, version)
    if examples is not None:
        rows = len(examples)
        columns_.check_rows(rows, most)
    else:
        rows = columns_.checked(columns, most)
    identity, timeout = document.get("id", ""), parameters.get("timeout", 0)
    return Inferred(
        rows,
        None if examples is not None else columns,
        examples,
        request_id=identity if type(identity) is str else str(identity)[:128],
        outputs=outputs,
        binary=parameters.get(_ALL_BINARY) is True,
        timeout_seconds=timeout / 1e6 if type(timeout) is int and timeout > 0 else 0.0,
    )


def answered(asked: Inferred, answer: Answer, model: str, request_id: str) -> tuple[bytes, int]:
    """The body of an answer, and the length of its JSON object, which bytes may stand behind.

    Raises:
      Refusal: INVALID, an output is wanted that the model does not give.
    """
    outputs, parts = [], []
    for name, binary in _chosen(asked, answer.outputs).items():
        array = answer.outputs[name]
        one = described(name, array)
        if binary:
            part = bytes_of(array)
            one["parameters"] = {_SIZE: len(part)}
            parts.append(part)
        else:
            one["data"] = data_of(array)
        outputs.append(one)
    head = write(
        {
            "model_name": model,
            "model_version": answer.version,
            "id": asked.request_id or request_id,
            "outputs": outputs,
        }
    )
    return b"".join([head, *parts]), len(head)


def metadata(version: Described, versions: list[Described]) -> bytes:
    """A model's metadata document; its inputs are plain columns where it takes them."""
    signature = version.signatures.get(COLUMNS) or version.signatures.get(SERVING)
    return write(
        {
            "name": version.model,
            "versions": [one.version for one in versions if one.state == "AVAILABLE"],
            "platform": "tensorflow_savedmodel",
            "inputs": [_tensor(column) for column in signature.inputs] if signature else [],
            "outputs": [_tensor(column) for column in signature.outputs] if signature else [],
        }
    )


def _tensor(column: Column) -> dict[str, Any]:
    datatype = DATATYPES.get(column.dtype, column.dtype.upper())
    return {"name": column.name, "datatype": datatype, "shape": [-1] * column.rank}


def _parameters(of: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = of.get("parameters", {})
    if type(parameters) is not dict:
        raise Refusal(Code.INVALID, "expected parameters, as an object")
    return parameters


def _wanted(document: Mapping[str, Any], *, binary: bool) -> dict[str, bool]:
    outputs = document.get("outputs", [])
    if type(outputs) is not list or not all(
        type(one) is dict and type(one.get("name")) is str for one in outputs
    ):
        raise Refusal(Code.INVALID, "expected outputs, as a list of objects with a name")
    found = {}
    for one in outputs:
        parameters = _parameters(one)
        if parameters.get("classification"):
            raise Refusal(Code.INVALID, "the classification extension is not offered here")
        found[one["name"]] = parameters.get(_BINARY, binary) is True
    return found


def _tensors(inputs: list[Any], binary: memoryview) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    at = 0
    for one in inputs:
        if type(one) is not dict or type(one.get("name")) is not str:
            raise Refusal(Code.INVALID, "expected inputs, as a list of objects with a name")
        name, size = one["name"], _parameters(one).get(_SIZE)
        if name in found:
            raise Refusal(Code.INVALID, f"input '{one_line(name[:80])}' comes twice")
        if size is None:
            found[name] = values_of(one, None)
            continue
        if type(size) is not int or not 0 <= size <= len(binary) - at:
            raise Refusal(
                Code.INVALID,
                f"input '{one_line(name[:80])}': {_SIZE} goes beyond the {len(binary)} bytes "
                "behind the JSON object",
            )
        found[name] = values_of(one, bytes(binary[at : at + size]))
        at += size
    if at != len(binary):
        raise Refusal(Code.INVALID, f"received {len(binary) - at} bytes that are of no input")
    return found


def _parted(
    tensors: dict[str, list[Any]], version: Described
) -> tuple[dict[str, list[Any]], list[bytes] | None]:
    """Columns, or serialized tf.Examples where the only input is that of serving_default."""
    takes = version.signatures.get(SERVING)
    names = [column.name for column in takes.inputs] if takes else []
    if list(tensors) == names:
        values = tensors[names[0]]
        return {}, [_serialized(names[0], value) for value in values]
    for name, values in tensors.items():
        for value in values:
            if isinstance(value, bytes):
                raise Refusal(
                    Code.INVALID, f"input '{one_line(name[:80])}': received what is no UTF-8"
                )
    return tensors, None


def _serialized(name: str, value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    raise Refusal(Code.INVALID, f"input '{name}': expected BYTES, serialized tf.Examples")


def _chosen(asked: Inferred, outputs: Arrays) -> dict[str, bool]:
    if not asked.outputs:
        return dict.fromkeys(outputs, asked.binary)
    for name in asked.outputs:
        if name not in outputs:
            raise Refusal(
                Code.INVALID,
                f"unexpected inference output '{one_line(name[:80])}'"
                f"{did_you_mean(name, outputs)} (the model gives: {', '.join(outputs)})",
            )
    return dict(asked.outputs)
