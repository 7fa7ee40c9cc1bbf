"""TensorFlow Serving's gRPC made of its own classes: a program that a test starts.

tensorflow-serving-api has the messages, the servicers and their registration, and TensorFlow loads
and runs the SavedModel. So nothing on this side is Taxiway's.

    python -m tests.taxiway.serving.backend.tf_serving NAME VERSION=FOLDER ...

It writes its port to standard output. A version without a folder ("3=") is one that is loading.
"""

from __future__ import annotations

import sys
from concurrent import futures
from typing import Any

import grpc
import tensorflow as tf
from google.protobuf import any_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)


class Server(
    prediction_service_pb2_grpc.PredictionServiceServicer,
    model_service_pb2_grpc.ModelServiceServicer,
):
    def __init__(self, name: str, folders: dict[int, str]) -> None:
        self._name = name
        self._folders = folders
        self._models = {
            number: tf.saved_model.load(folder) for number, folder in folders.items() if folder
        }

    def Predict(self, request: Any, context: Any) -> Any:
        spec = request.model_spec
        self._check(spec, context)
        signatures = self._models[spec.version.value].signatures
        if spec.signature_name not in signatures:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no such signature")
        signature = signatures[spec.signature_name]
        takes = signature.structured_input_signature[1]
        if set(request.inputs) != set(takes):
            context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"input size does not match signature: {len(request.inputs)}!={len(takes)}",
            )
        given = {
            name: tf.constant(tf.make_ndarray(tensor), takes[name].dtype)
            for name, tensor in request.inputs.items()
        }
        try:
            outputs = signature(**given)
        except tf.errors.OpError as error:
            is_of_input = isinstance(error, tf.errors.InvalidArgumentError)
            code = grpc.StatusCode.INVALID_ARGUMENT if is_of_input else grpc.StatusCode.INTERNAL
            context.abort(code, error.message)
        response = predict_pb2.PredictResponse(model_spec=spec)
        for name, tensor in outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(tensor))
        return response

    def GetModelMetadata(self, request: Any, context: Any) -> Any:
        self._check(request.model_spec, context)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, one in self._models[request.model_spec.version.value].signatures.items():
            definition = signatures.signature_def[name]
            for side, specs in (
                (definition.inputs, one.structured_input_signature[1]),
                (definition.outputs, one.structured_outputs),
            ):
                for key, spec in specs.items():
                    side[key].CopyFrom(
                        meta_graph_pb2.TensorInfo(
                            dtype=spec.dtype.as_datatype_enum, tensor_shape=spec.shape.as_proto()
                        )
                    )
        response = get_model_metadata_pb2.GetModelMetadataResponse(model_spec=request.model_spec)
        packed = any_pb2.Any()
        packed.Pack(signatures)
        response.metadata["signature_def"].CopyFrom(packed)
        return response

    def GetModelStatus(self, request: Any, context: Any) -> Any:
        wanted = request.model_spec.version.value
        self._check(request.model_spec, context, loaded=False)
        state = "AVAILABLE" if wanted in self._models else "LOADING"
        status = get_model_status_pb2.ModelVersionStatus(version=wanted, state=state)
        return get_model_status_pb2.GetModelStatusResponse(model_version_status=[status])

    def _check(self, spec: Any, context: Any, *, loaded: bool = True) -> None:
        known = self._models if loaded else self._folders
        if spec.name != self._name or spec.version.value not in known:
            context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"Servable not found for request: Specific({spec.name}, {spec.version.value})",
            )


def main() -> None:
    name, *given = sys.argv[1:]
    folders = dict(one.split("=", 1) for one in given)
    served = Server(name, {int(number): folder for number, folder in folders.items()})
    server = grpc.server(futures.ThreadPoolExecutor(4))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(served, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(served, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
