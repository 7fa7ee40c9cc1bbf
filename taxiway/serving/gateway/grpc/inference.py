"""The Open Inference Protocol's GRPCInferenceService."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from taxiway.modeling.names import COLUMNS, SERVING
from taxiway.process.code_digest import versions as releases
from taxiway.serving.gateway.grpc.calls import LARGE_ROWS, Call, Work, apart, read
from taxiway.serving.gateway.grpc.inputs import Version, asked, chosen
from taxiway.serving.gateway.grpc.oip_tensors import DATATYPES, read_inputs, write_outputs
from taxiway.serving.protos import messages, services
from taxiway.serving.requests.ask import Ask, Column


async def server_live(_: Call, __: Any) -> Any:
    """That the gateway's loop runs."""
    return messages.ServerLiveResponse(live=True)


async def server_ready(call: Call, _: Any) -> Any:
    """Whether every model has a version that answers."""
    return messages.ServerReadyResponse(ready=call.service.ready())


async def model_ready(call: Call, request: Any) -> Any:
    """Whether a model, or one version of it, answers."""
    state = call.service.describe(request.name, request.version).state
    return messages.ModelReadyResponse(ready=state == "AVAILABLE")


async def server_metadata(_: Call, __: Any) -> Any:
    """What the server is."""
    release = releases(("taxiway",)).get("taxiway", "")
    return messages.ServerMetadataResponse(name="taxiway", version=release)


async def model_metadata(call: Call, request: Any) -> Any:
    """Inputs and outputs of a version; its inputs are plain columns where it takes them."""
    version = call.service.describe(request.name, request.version)
    others = call.service.versions(request.name)
    response = messages.ModelMetadataResponse(
        name=version.model,
        versions=[one.version for one in others if one.state == "AVAILABLE"],
        platform="tensorflow_savedmodel",
    )
    signature = version.signatures.get(COLUMNS) or version.signatures.get(SERVING)
    if signature:
        _describe_columns(response.inputs, signature.inputs)
        _describe_columns(response.outputs, signature.outputs)
    return response


async def model_infer(call: Call, request: Any) -> Any:
    """Tensors in, tensors out: as bytes where they came so, else in fields of their types."""
    name, number = request.model_name, request.model_version

    def understood(version: Version) -> Ask:
        most = call.limits.rows
        return asked(name, read_inputs(request), version, most, protocol="oip-grpc")

    ask = await read(request, partial(call.service.describe, name, number), understood)
    ask.version = number
    answer = await call.answered(ask)
    response = messages.ModelInferResponse(
        model_name=name, model_version=answer.version, id=request.id or call.brought.request_id
    )
    outputs = chosen(answer.outputs, [one.name for one in request.outputs])
    is_raw = bool(request.raw_input_contents)
    await apart(ask.rows > LARGE_ROWS, lambda: write_outputs(response, outputs, raw=is_raw))
    return response


METHODS: Final[Mapping[services.Method, Work]] = {
    services.SERVER_LIVE: server_live,
    services.SERVER_READY: server_ready,
    services.MODEL_READY: model_ready,
    services.SERVER_METADATA: server_metadata,
    services.MODEL_METADATA: model_metadata,
    services.MODEL_INFER: model_infer,
}


def _describe_columns(told: Any, columns: Sequence[Column]) -> None:
    for column in columns:
        datatype = DATATYPES.get(column.dtype, column.dtype.upper())
        told.add(name=column.name, datatype=datatype, shape=[-1] * column.rank)
