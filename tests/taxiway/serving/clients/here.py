"""Clients that the lock has: curl, tensorflow-serving-api, OpenFeature's SDK with OFREP."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

import grpc

from tests.taxiway.serving.clients.served import Served

Asked = Mapping[str, Any]
_SECONDS = 30.0
_TYPES = {"DT_FLOAT": "float32", "DT_STRING": "string", 1: "float32", 7: "string"}


def curl_rows(served: Served, case: Asked) -> Any:
    """TensorFlow Serving's REST: a row an object."""
    names, columns = list(case["columns"]), case["columns"].values()
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return _curl_case(served, case, {"instances": rows}, "predictions")


def curl_columns(served: Served, case: Asked) -> Any:
    """TensorFlow Serving's REST: a column a list."""
    return _curl_case(served, case, {"inputs": dict(case["columns"])}, "outputs")


def tensorflow_serving_api(served: Served, case: Asked) -> Any:
    """TensorFlow Serving's gRPC, by its own package."""
    from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

    with grpc.insecure_channel(served.grpc) as channel:
        predictions = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        models = model_service_pb2_grpc.ModelServiceStub(channel)
        try:
            return _TENSORFLOW[case["kind"]](predictions, models, case)
        except grpc.RpcError as error:
            told: Any = error
            return {"refused": told.code().name, "text": told.details()}


def openfeature(served: Served, case: Asked) -> Any:
    """A model as a flag."""
    from openfeature import api
    from openfeature.contrib.provider.ofrep import OFREPProvider
    from openfeature.evaluation_context import EvaluationContext

    api.set_provider(OFREPProvider(served.http))
    try:
        found = api.get_client().get_string_details(
            case["model"], "", EvaluationContext(targeting_key="ann")
        )
    finally:
        api.shutdown()
    if found.error_code is not None:
        code = {"FLAG_NOT_FOUND": "404"}.get(found.error_code.value, found.error_code.value)
        return {"refused": code, "text": found.error_message}
    assert found.variant == "stable"
    return found.flag_metadata["number"]


CLIENTS: Mapping[str, Callable[[Served, Asked], Any]] = {
    "curl, rows": curl_rows,
    "curl, columns": curl_columns,
    "tensorflow-serving-api": tensorflow_serving_api,
    "openfeature": openfeature,
}


def _curl_case(served: Served, case: Asked, body: Mapping[str, Any], answer: str) -> Any:
    model = f"/v1/models/{case['model']}"
    if case["version"]:
        model += f"/versions/{case['version']}"
    if case["label"]:
        model += f"/labels/{case['label']}"
    if case["kind"] == "live":
        return _curl(served, "/v2/health/live", lambda _: True)
    if case["kind"] == "ready":
        return _curl(served, model, lambda found: _has_available(found["model_version_status"]))
    if case["kind"] == "metadata":
        return _curl(served, f"{model}/metadata", _columns)
    return _curl(served, f"{model}:predict", lambda found: found[answer], json.dumps(body))


def _curl(served: Served, path: str, read: Callable[[Any], Any], body: str | None = None) -> Any:
    sent = [] if body is None else ["--data-binary", "@-"]
    done = subprocess.run(
        ["curl", "-sS", "-m", str(_SECONDS), "-w", "\\n%{http_code}", served.http + path, *sent],
        input=body,
        capture_output=True,
        text=True,
        check=True,
    )
    text, _, status = done.stdout.rpartition("\n")
    found = json.loads(text)
    return read(found) if status == "200" else {"refused": status, "text": found["error"]}


def _has_available(versions: list[Any]) -> bool:
    return any(one["state"] == "AVAILABLE" for one in versions)


def _columns(found: Any) -> dict[str, str]:
    signatures = found["metadata"]["signature_def"]["signature_def"]
    inputs = signatures["serving_columns"]["inputs"]
    return {name: _TYPES[one["dtype"]] for name, one in inputs.items()}


def _spec(request: Any, case: Asked) -> Any:
    request.model_spec.name = case["model"]
    if case["version"]:
        request.model_spec.version.value = int(case["version"])
    if case["label"]:
        request.model_spec.version_label = case["label"]
    return request


def _tf_ready(_: Any, models: Any, case: Asked) -> Any:
    from tensorflow_serving.apis import get_model_status_pb2

    request = _spec(get_model_status_pb2.GetModelStatusRequest(), case)
    versions = models.GetModelStatus(request, timeout=_SECONDS).model_version_status
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    return any(one.state == available for one in versions)


def _tf_metadata(predictions: Any, _: Any, case: Asked) -> Any:
    from tensorflow_serving.apis import get_model_metadata_pb2

    request = _spec(get_model_metadata_pb2.GetModelMetadataRequest(), case)
    request.metadata_field.append("signature_def")
    packed = predictions.GetModelMetadata(request, timeout=_SECONDS).metadata["signature_def"]
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert packed.Unpack(signatures)
    inputs = signatures.signature_def["serving_columns"].inputs
    return {name: _TYPES[one.dtype] for name, one in inputs.items()}


def _tf_predict(predictions: Any, _: Any, case: Asked) -> Any:
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = _spec(predict_pb2.PredictRequest(), case)
    for name, values in case["columns"].items():
        is_text = any(isinstance(one, str) for one in values) or name == "origin"
        tensor = tf.make_tensor_proto(values, tf.string if is_text else tf.float32)
        request.inputs[name].CopyFrom(tensor)
    answer = predictions.Predict(request, timeout=_SECONDS)
    return tf.make_ndarray(answer.outputs["probability"]).tolist()


_TENSORFLOW: Mapping[str, Callable[[Any, Any, Asked], Any]] = {
    "ready": _tf_ready,
    "metadata": _tf_metadata,
    "predict": _tf_predict,
}
