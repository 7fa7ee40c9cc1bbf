"""TensorFlow Serving's answers as its REST API has them: predictions, results, status, metadata."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from taxiway.access.refusal import Code, Refusal
from taxiway.modeling.names import CLASSIFY, REGRESS
from taxiway.serving.gateway.http.protocols.json_text import (
    encoded,
    is_text,
    texts,
    write,
    write_outputs,
)
from taxiway.serving.requests.ask import Arrays, Column, Described
from taxiway.serving.requests.heads import classified, regressed

METHODS: Final = {
    CLASSIFY: "tensorflow/serving/classify",
    REGRESS: "tensorflow/serving/regress",
}
"""Of signatures; of all others it is PREDICT."""
PREDICT: Final = "tensorflow/serving/predict"

_DTYPES: Final = {
    "float32": "DT_FLOAT",
    "float64": "DT_DOUBLE",
    "float16": "DT_HALF",
    "bfloat16": "DT_BFLOAT16",
    "bool": "DT_BOOL",
}
"""TensorFlow's names of types; of all others it is DT_ and the name in capitals."""
_BYTES_SUFFIX: Final = "_bytes"
"""Of outputs that are written as base64."""


def predictions(outputs: Arrays, *, by_row: bool) -> bytes:
    """`{"predictions": [...]}` by row, `{"outputs": ...}` by column.

    One output stands for itself, several are an object.

    Raises:
      Refusal: FAILED, the model's outputs have no rows.
    """
    shown = {name: _shown(name, array) for name, array in outputs.items()}
    alone = next(iter(shown)) if len(shown) == 1 else None
    if not by_row:
        return write_outputs("outputs", shown if alone is None else shown[alone], outputs)
    rows = {array.shape[:1] for array in outputs.values()}
    if len(rows) != 1 or () in rows:
        raise Refusal(Code.FAILED, "the model's outputs have no rows, or not of one number")
    if alone is not None:
        return write_outputs("predictions", shown[alone], outputs)
    found = [dict(zip(shown, row, strict=True)) for row in zip(*shown.values(), strict=True)]
    return write_outputs("predictions", found, outputs)


def classifications(outputs: Arrays, classes: Sequence[str]) -> bytes:
    """`{"results": [[[label, score], ...], ...]}`.

    Raises:
      Refusal: INVALID, the model has no classes.
    """
    labels, scores = classified(outputs, classes)
    found = [[[label, score] for label, score in zip(labels, row, strict=True)] for row in scores]
    return write_outputs("results", found, {"scores": scores})


def regressions(outputs: Arrays) -> bytes:
    """`{"results": [value, ...]}`.

    Raises:
      Refusal: INVALID, the model gives no number.
    """
    values = regressed(outputs)
    return write_outputs("results", values, {"values": values})


def status(versions: Sequence[Described]) -> bytes:
    """The document of a GetModelStatusResponse."""
    return write(
        {
            "model_version_status": [
                {
                    "version": str(one.number),
                    "state": one.state,
                    "status": {
                        "error_code": "UNKNOWN" if one.error else "OK",
                        "error_message": one.error,
                    },
                }
                for one in versions
            ]
        }
    )


def metadata(version: Described) -> bytes:
    """The document of a GetModelMetadataResponse: every signature, its inputs and its outputs."""
    signatures = {
        name: {
            "inputs": {column.name: _tensor(name, column) for column in signature.inputs},
            "outputs": {column.name: _tensor(name, column) for column in signature.outputs},
            "method_name": METHODS.get(name, PREDICT),
        }
        for name, signature in version.signatures.items()
    }
    return write(
        {
            "model_spec": {
                "name": version.model,
                "signature_name": "",
                "version": str(version.number),
            },
            "metadata": {"signature_def": {"signature_def": signatures}},
        }
    )


def _shown(name: str, array: Any) -> Any:
    if is_text(array):
        return encoded(array) if name.endswith(_BYTES_SUFFIX) else texts(array)
    return array


def _tensor(signature: str, column: Column) -> dict[str, Any]:
    unknown = [{"size": "-1", "name": ""}] * column.rank
    return {
        "dtype": _DTYPES.get(column.dtype, f"DT_{column.dtype.upper()}"),
        "tensor_shape": {"dim": unknown, "unknown_rank": False},
        "name": f"{signature}_{column.name}:0",
    }
