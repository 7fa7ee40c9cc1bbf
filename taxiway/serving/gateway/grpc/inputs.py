"""Tensors of a request as what to ask: plain columns, or serialized tf.Examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from taxiway.access.refusal import Code, Refusal
from taxiway.errors import did_you_mean
from taxiway.modeling.names import CLASSIFY, COLUMNS, REGRESS, SERVING
from taxiway.serving.requests.ask import Arrays, Ask, Described
from taxiway.serving.requests.columns import check_rows, checked
from taxiway.terminal import one_line

Version = Callable[[], Described]
"""Describes the version that would answer; called where tensors leave open what they mean."""


def asked(
    model: str,
    inputs: Mapping[str, npt.NDArray[Any]],
    version: Version,
    most: int,
    *,
    protocol: Literal["tfs-grpc", "oip-grpc"],
    signature: str = "",
) -> Ask:
    """What to ask; which version, and who asks, is not filled in yet.

    Args:
      model: name.
      inputs: by name; the first dimension is rows.
      version: see there.
      most: rows of one request.
      protocol: see `Ask`.
      signature: that the client names; empty for whichever the inputs are of.

    Raises:
      Refusal: INVALID or TOO_LARGE.
    """
    check_signature(signature, version)
    if _are_examples(inputs, signature, version):
        (array,) = inputs.values()
        return of_examples(model, array.reshape(-1).tolist(), most, protocol=protocol)
    columns = {name: _plain(name, array, most) for name, array in inputs.items()}
    return Ask(model, checked(columns, most), columns, protocol=protocol)


def of_examples(
    model: str,
    examples: Sequence[bytes],
    most: int,
    *,
    protocol: Literal["tfs-grpc", "oip-grpc"],
) -> Ask:
    """As `asked`, of serialized tf.Examples.

    Raises:
      Refusal: INVALID or TOO_LARGE.
    """
    check_rows(len(examples), most)
    return Ask(model, len(examples), None, examples, protocol=protocol)


def check_signature(name: str, version: Version) -> None:
    """Refuses a signature that the model has not, or that is not served.

    Raises:
      Refusal: INVALID.
    """
    if name in ("", COLUMNS, SERVING):
        return
    has = version().signatures
    known = [one for one in (SERVING, CLASSIFY, REGRESS, COLUMNS) if one in has]
    if name not in known:
        raise Refusal(
            Code.INVALID,
            f'Serving signature name: "{one_line(name[:80])}" not found in signature def'
            f"{did_you_mean(name, known)} (served: {', '.join(known)})",
        )


def chosen(outputs: Arrays, wanted: Sequence[str]) -> Arrays:
    """The outputs that a client wants; all of them where it names none.

    Raises:
      Refusal: INVALID, one that the model does not give.
    """
    for name in wanted:
        if name not in outputs:
            raise Refusal(
                Code.INVALID,
                f"unexpected inference output '{one_line(name[:80])}'"
                f"{did_you_mean(name, outputs)} (the model gives: {', '.join(outputs)})",
            )
    return {name: outputs[name] for name in wanted} if wanted else outputs


def _are_examples(inputs: Mapping[str, npt.NDArray[Any]], signature: str, version: Version) -> bool:
    """Whether the one input is of serialized tf.Examples."""
    if signature == COLUMNS:
        return False
    alone = next(iter(inputs)) if len(inputs) == 1 else ""
    is_text = alone != "" and inputs[alone].dtype.kind == "O"
    takes = version().signatures.get(SERVING) if is_text or signature else None
    expected = [column.name for column in takes.inputs] if takes else []
    if is_text and expected == [alone]:
        return True
    if signature:
        names = ", ".join(one_line(name[:80]) for name in list(inputs)[:8]) or "nothing"
        raise Refusal(
            Code.INVALID,
            f"signature '{signature}' takes serialized tf.Examples as {', '.join(expected)}; "
            f"received {names}; plain columns are of '{COLUMNS}'",
        )
    return False


def _plain(name: str, array: npt.NDArray[Any], most: int) -> list[Any]:
    """A value per row, or a list where the shape is [N, M]; NaN is None, which is missing."""
    if not 1 <= array.ndim <= 2:
        raise Refusal(
            Code.INVALID,
            f"input '{one_line(name[:80])}': received a tensor of shape {list(array.shape)}; "
            "expected [N], [N, 1] or, of a column of lists, [N, M]",
        )
    check_rows(len(array), most)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.dtype.kind == "O":
        return _mapped(array, lambda item: _text(name, item))
    if array.dtype.kind == "f" and np.isnan(array).any():
        return _mapped(
            array, lambda item: None if item != item else item
        )  # NaN alone is not itself
    values: list[Any] = array.tolist()
    return values


def _mapped(array: npt.NDArray[Any], change: Callable[[Any], Any]) -> list[Any]:
    if array.ndim == 1:
        return [change(item) for item in array.tolist()]
    return [[change(item) for item in row] for row in array.tolist()]


def _text(name: str, item: bytes) -> str:
    try:
        return item.decode()
    except UnicodeDecodeError:
        raise Refusal(
            Code.INVALID, f"input '{one_line(name[:80])}': received what is no UTF-8"
        ) from None
