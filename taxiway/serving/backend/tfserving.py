"""A version in a TensorFlow Serving that others run, asked by gRPC."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import grpc
import numpy as np

from taxiway.config.serving import TfServingBackend
from taxiway.modeling.exported.plain_columns import (
    STRING,
    RequestError,
    as_array,
    check_known,
    row_count,
)
from taxiway.modeling.names import COLUMNS, SERVING
from taxiway.modeling.spec.column_names import column_name
from taxiway.serving.protos import messages, services
from taxiway.serving.protos.tensors import TensorError, decoded, encoded, type_name
from taxiway.serving.requests.ask import Arrays, Column, Signature
from taxiway.serving.worker.errors import Reason, WorkerError
from taxiway.serving.worker.protocol import MAX_BODY_BYTES
from taxiway.terminal import one_line

_EDIT: Final = "serving.backend.address"
_POLL_SECONDS: Final = 0.25
_SHORT_SECONDS: Final = 5.0
"""For questions that no model is asked for."""
_LONGEST: Final = 500
_OPTIONS: Final = [
    ("grpc.max_receive_message_length", MAX_BODY_BYTES),
    ("grpc.max_send_message_length", MAX_BODY_BYTES),
    ("grpc.use_local_subchannel_pool", 1),  # one that is lost leaves nothing to who comes next
]
_Code = grpc.StatusCode
# what a status says of the version; of any other, that its model failed
_REASONS: Final[Mapping[Any, Reason]] = {
    _Code.DEADLINE_EXCEEDED: "timeout",
    _Code.NOT_FOUND: "closed",
    _Code.UNAVAILABLE: "crashed",
    _Code.UNIMPLEMENTED: "crashed",
    _Code.UNAUTHENTICATED: "crashed",
    _Code.PERMISSION_DENIED: "crashed",
}
_KINDS: Final = {_Code.INVALID_ARGUMENT: "InvalidArgumentError"}
"""TensorFlow's exception, by its status."""


async def load(backend: TfServingBackend, model: str, number: int) -> TfServingVersion:
    """Waits until TensorFlow Serving has a version available, and asks for its signatures.

    Args:
      backend: where it is, and how long a version may take.
      model: name, as TensorFlow Serving's too.
      number: of the version's folder.

    Raises:
      WorkerError: it is not available in time, or ended there.
    """
    channel = grpc.aio.insecure_channel(backend.address, options=_OPTIONS)
    try:
        await _available(channel, backend, model, number)
        return TfServingVersion(channel, await _metadata(channel, backend, model, number))
    except BaseException:
        await channel.close()
        raise


class TfServingVersion:
    """A version that TensorFlow Serving answers for; see `LoadedVersion`. Made by `load`.

    Args:
      channel: to it; closed with this.
      metadata: its GetModelMetadataResponse, which names it.
    """

    def __init__(self, channel: Any, metadata: Any) -> None:
        self._channel = channel
        self._name, self._number = metadata.model_spec.name, metadata.model_spec.version.value
        self._lost = ""
        packed = metadata.metadata["signature_def"].value
        definitions = messages.SignatureDefMap.FromString(packed).signature_def
        self._inputs = {name: _inputs(one) for name, one in definitions.items()}
        self.signatures: Mapping[str, Signature] = {
            name: Signature(_columns(one.inputs), _columns(one.outputs))
            for name, one in definitions.items()
        }

    @property
    def pid(self) -> int | None:
        """None: the process is another's."""
        return None

    @property
    def memory_bytes(self) -> int | None:
        """None: it is not known."""
        return None

    @property
    def lost(self) -> str:
        """Why it answers no more; empty while it does."""
        return self._lost

    async def predict_columns(
        self, columns: Mapping[str, Sequence[Any]], deadline: float
    ) -> Arrays:
        """Answers plain columns; all that the signature takes are sent.

        Raises:
          WorkerError: `reason` says whether it is lost.
        """
        inputs = self._signature(COLUMNS)
        try:
            check_known(columns, [column_name(key) for key in inputs])
            rows = row_count({name: list(values) for name, values in columns.items()})
            arrays = {}
            for key, (dtype, shape) in inputs.items():
                name = column_name(key)
                values = list(columns.get(name, [None] * rows))
                array = as_array(name, values, dtype, lists=shape == (-1, -1))
                # some models take [N, 1] where others take [N]
                arrays[key] = array if len(shape) != 2 or array.ndim == 2 else array.reshape(-1, 1)
        except RequestError as error:
            raise WorkerError(str(error), reason="bad_request", kind="RequestError") from error
        return await self._predict(COLUMNS, arrays, deadline)

    async def predict_examples(self, examples: Sequence[bytes], deadline: float) -> Arrays:
        """Answers serialized tf.Examples; as `predict_columns`."""
        inputs = self._signature(SERVING)
        if [dtype for dtype, _ in inputs.values()] != [STRING]:
            raise WorkerError(
                f"signature '{SERVING}' takes {', '.join(inputs)}; "
                "expected one input, of serialized tf.Examples",
                reason="bad_request",
                kind="RequestError",
            )
        array = np.empty(len(examples), dtype=object)
        array[:] = list(examples)
        return await self._predict(SERVING, {next(iter(inputs)): array}, deadline)

    async def close(self) -> None:
        """Lets go of it; TensorFlow Serving keeps it."""
        self._lost = self._lost or "the version was closed"
        await self._channel.close()

    def _signature(self, name: str) -> Mapping[str, tuple[str, tuple[int, ...]]]:
        if name not in self._inputs:
            raise WorkerError(
                f"the model has no signature '{name}', only {', '.join(self._inputs) or 'none'}",
                reason="bad_request",
                kind="RequestError",
            )
        return self._inputs[name]

    async def _predict(self, signature: str, arrays: Arrays, deadline: float) -> Arrays:
        if self._lost:
            raise WorkerError(self._lost, reason="closed")
        request = messages.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = self._name, signature
        request.model_spec.version.value = self._number
        for key, array in arrays.items():
            request.inputs[key].CopyFrom(encoded(array))
        try:
            seconds = max(0.0, deadline - time.monotonic())
            response = await _call(self._channel, services.PREDICT, request, seconds)
            return {name: decoded(tensor, 0) for name, tensor in response.outputs.items()}
        except TensorError as error:
            raise WorkerError(f"TensorError: {error}", reason="model_error") from None
        except grpc.RpcError as error:
            raise self._failed(error) from None

    def _failed(self, error: Any) -> WorkerError:
        reason = _REASONS.get(error.code(), "model_error")
        told = _told(error)
        if reason != "model_error":
            self._lost = f"TensorFlow Serving does not answer for the version: {told}"
            return WorkerError(self._lost, reason=reason, edit=_EDIT)
        kind = _KINDS.get(error.code(), error.code().name)
        return WorkerError(f"{kind}: {told}", reason=reason, kind=kind)


async def _available(channel: Any, backend: TfServingBackend, model: str, number: int) -> None:
    """Asks again and again: who publishes a version is faster than who looks for one."""
    request = messages.GetModelStatusRequest()
    request.model_spec.name = model
    request.model_spec.version.value = number
    deadline = time.monotonic() + backend.load_timeout_seconds
    while True:
        try:
            response = await _call(channel, services.GET_MODEL_STATUS, request, _SHORT_SECONDS)
            (status,) = response.model_version_status
            state = messages.ModelVersionStatus.State.Name(status.state)
            told = f"is {state} {one_line(status.status.error_message[:_LONGEST])}".rstrip()
        except grpc.RpcError as error:
            state, told = "", f"is not known: {_told(error)}"
        except ValueError:
            state, told = "", "has a status that is not known"
        if state == "AVAILABLE":
            return
        subject = f"{model}, version {number}, at TensorFlow Serving {backend.address}, {told}"
        if state == "END":
            raise WorkerError(subject, reason="load_failed", edit=_EDIT)
        if time.monotonic() > deadline:
            raise WorkerError(
                f"{subject}; it was waited for for {backend.load_timeout_seconds:g} s",
                reason="load_timeout",
                edit=f"{_EDIT} or serving.backend.load_timeout_seconds",
            )
        await asyncio.sleep(_POLL_SECONDS)


async def _metadata(channel: Any, backend: TfServingBackend, model: str, number: int) -> Any:
    request = messages.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = model
    request.model_spec.version.value = number
    try:
        response = await _call(channel, services.GET_MODEL_METADATA, request, _SHORT_SECONDS)
    except grpc.RpcError as error:
        raise WorkerError(
            f"{backend.address} does not tell the signatures of {model}: {_told(error)}",
            reason="load_failed",
            edit=_EDIT,
        ) from None
    response.model_spec.CopyFrom(request.model_spec)
    return response


async def _call(channel: Any, method: services.Method, request: Any, seconds: float) -> Any:
    """One call.

    Raises:
      grpc.RpcError: as grpc.aio does.
    """
    return await channel.unary_unary(
        method.path,
        request_serializer=method.request.SerializeToString,
        response_deserializer=method.response.FromString,
    )(request, timeout=seconds)


def _told(error: Any) -> str:
    details = one_line((error.details() or "no reason")[:_LONGEST])
    return f"{details} ({error.code().name})"


def _inputs(definition: Any) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type and shape of each input, of those types that are taken."""
    return {
        key: (type_name(info.dtype), tuple(dim.size for dim in info.tensor_shape.dim))
        for key, info in definition.inputs.items()
        if _is_taken(info.dtype)
    }


def _columns(infos: Any) -> tuple[Column, ...]:
    return tuple(
        Column(column_name(key), type_name(info.dtype), _rank(info))
        for key, info in infos.items()
        if _is_taken(info.dtype)
    )


def _rank(info: Any) -> int:
    """[N, 1] takes plain values too."""
    dims = info.tensor_shape.dim
    return 1 if len(dims) == 2 and dims[1].size == 1 else max(1, len(dims))


def _is_taken(number: int) -> bool:
    try:
        type_name(number)
    except TensorError:
        return False
    return True
