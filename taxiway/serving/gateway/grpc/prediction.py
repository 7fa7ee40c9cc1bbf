"""TensorFlow Serving's PredictionService and ModelService."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from taxiway.access.refusal import Code, Refusal
from taxiway.modeling.names import CLASSIFY, COLUMNS, REGRESS, SERVING
from taxiway.serving.gateway.grpc.calls import LARGE_ROWS, Call, Work, apart, read
from taxiway.serving.gateway.grpc.inputs import (
    Version,
    asked,
    check_signature,
    chosen,
    of_examples,
)
from taxiway.serving.protos import messages, services
from taxiway.serving.protos.tensors import decoded, encoded, type_number
from taxiway.serving.requests.ask import Answer, Ask, Column, Described
from taxiway.serving.requests.heads import classified, regressed, served

SIGNATURE_DEF: Final = "signature_def"
"""The only metadata there are."""

_METHODS: Final = {
    CLASSIFY: "tensorflow/serving/classify",
    REGRESS: "tensorflow/serving/regress",
}
_PREDICT: Final = "tensorflow/serving/predict"
_MAP_TYPE: Final = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
_UNKNOWN: Final = 2
"""gRPC's code of a version that is not available."""


async def predict(call: Call, request: Any) -> Any:
    """Predict: tensors in, tensors out."""
    spec, most = request.model_spec, call.limits.rows

    def understood(version: Version) -> Ask:
        inputs = {name: decoded(tensor, most) for name, tensor in request.inputs.items()}
        named = spec.signature_name
        return asked(spec.name, inputs, version, most, protocol="tfs-grpc", signature=named)

    ask = await read(request, partial(_described, call, spec), understood)
    answer = await call.answered(_of_version(ask, spec))
    signature = spec.signature_name or (SERVING if ask.columns is None else COLUMNS)
    outputs = answer.outputs
    if signature in _METHODS:
        outputs = served(signature, outputs, _classes(call, spec, answer))
    response = messages.PredictResponse(model_spec=_spec(spec.name, answer.number, signature))

    def written() -> Any:
        for name, array in chosen(outputs, request.output_filter).items():
            response.outputs[name].CopyFrom(encoded(array))
        return response

    return await apart(ask.rows > LARGE_ROWS, written)


async def classify(call: Call, request: Any) -> Any:
    """Classify: tf.Examples in, a score for each class out."""
    spec, answer = await _asked_of_examples(call, request)
    labels, scores = classified(answer.outputs, _classes(call, spec, answer))
    response = messages.ClassificationResponse(
        model_spec=_spec(spec.name, answer.number, spec.signature_name or CLASSIFY)
    )

    def written() -> Any:
        for row in scores.tolist():
            classes = response.result.classifications.add().classes
            for label, score in zip(labels, row, strict=True):
                classes.add(label=label, score=score)
        return response

    return await apart(len(scores) > LARGE_ROWS, written)


async def regress(call: Call, request: Any) -> Any:
    """Regress: tf.Examples in, a number for each out."""
    spec, answer = await _asked_of_examples(call, request)
    response = messages.RegressionResponse(
        model_spec=_spec(spec.name, answer.number, spec.signature_name or REGRESS)
    )
    for value in regressed(answer.outputs).reshape(-1).tolist():
        response.result.regressions.add(value=value)
    return response


async def get_model_metadata(call: Call, request: Any) -> Any:
    """GetModelMetadata: signatures, their inputs and their outputs."""
    fields = list(request.metadata_field)
    if fields != [SIGNATURE_DEF]:
        raise Refusal(
            Code.INVALID, f"received metadata_field {fields[:8]}; expected ['{SIGNATURE_DEF}']"
        )
    version = _described(call, request.model_spec)
    signatures = messages.SignatureDefMap()
    for name, signature in version.signatures.items():
        definition = signatures.signature_def[name]
        definition.method_name = _METHODS.get(name, _PREDICT)
        _describe_columns(definition.inputs, name, signature.inputs)
        _describe_columns(definition.outputs, name, signature.outputs)
    response = messages.GetModelMetadataResponse(model_spec=_spec(version.model, version.number))
    told = response.metadata[SIGNATURE_DEF]
    told.type_url, told.value = _MAP_TYPE, signatures.SerializeToString()
    return response


async def get_model_status(call: Call, request: Any) -> Any:
    """GetModelStatus: of one version, or of all."""
    spec = request.model_spec
    if spec.WhichOneof("version_choice"):
        versions = [_described(call, spec)]
    else:
        versions = call.service.versions(spec.name)
    response = messages.GetModelStatusResponse()
    for one in versions:
        state = messages.ModelVersionStatus.State.Value(one.state)
        told = response.model_version_status.add(version=one.number, state=state)
        told.status.error_code = _UNKNOWN if one.error else 0
        told.status.error_message = one.error
    return response


def _not_offered(why: str) -> Work:
    async def refuse(_: Call, __: Any) -> Any:
        raise Refusal(Code.UNIMPLEMENTED, why)

    return refuse


METHODS: Final[Mapping[services.Method, Work]] = {
    services.PREDICT: predict,
    services.CLASSIFY: classify,
    services.REGRESS: regress,
    services.GET_MODEL_METADATA: get_model_metadata,
    services.MULTI_INFERENCE: _not_offered(
        "MultiInference is not offered here: ask Classify and Regress, one after the other"
    ),
    services.GET_MODEL_STATUS: get_model_status,
    services.RELOAD_CONFIG: _not_offered(
        "models are not configured by gRPC: the gateway serves those of serving.models, in the "
        "versions that the registry's deploy queue gives it"
    ),
}


async def _asked_of_examples(call: Call, request: Any) -> tuple[Any, Answer]:
    spec = request.model_spec
    check_signature(spec.signature_name, partial(_described, call, spec))
    ask = of_examples(spec.name, _examples(request.input), call.limits.rows, protocol="tfs-grpc")
    return spec, await call.answered(_of_version(ask, spec))


def _examples(given: Any) -> list[bytes]:
    """Serialized tf.Examples; features of a context are those of every example that lacks them."""
    if given.WhichOneof("kind") == "example_list_with_context":
        both = given.example_list_with_context
        # two messages one behind the other are one, in which the later one's fields win
        return [both.context + example for example in both.examples]
    return list(given.example_list.examples)


def _of_version(ask: Ask, spec: Any) -> Ask:
    ask.version, ask.label = _version(spec)
    return ask


def _version(spec: Any) -> tuple[str, str]:
    """The number and the label that are asked for; empty each where it is not named."""
    choice = spec.WhichOneof("version_choice")
    number = str(spec.version.value) if choice == "version" else ""
    return number, spec.version_label if choice == "version_label" else ""


def _described(call: Call, spec: Any) -> Described:
    return call.service.describe(spec.name, *_version(spec))


def _classes(call: Call, spec: Any, answer: Answer) -> Sequence[str]:
    """Of the version that answered."""
    return call.service.describe(spec.name, answer.version).classes


def _spec(model: str, number: int, signature: str = "") -> Any:
    spec = messages.ModelSpec(name=model, signature_name=signature)
    spec.version.value = number
    return spec


def _describe_columns(told: Any, signature: str, columns: Sequence[Column]) -> None:
    for column in columns:
        info = told[column.name]
        info.name, info.dtype = f"{signature}_{column.name}:0", type_number(column.dtype)
        for _ in range(column.rank):
            info.tensor_shape.dim.add(size=-1)
