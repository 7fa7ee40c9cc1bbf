"""Classes of the messages, made from descriptors.binpb in a pool of their own.

The pool is apart from the one that all of a process's generated modules share: TensorFlow and
tensorflow-serving-api have messages of the same names, which may live in the same process (tests
import both), and protobuf takes no name twice. Descriptors are read the same by protobuf 3.20 and
6, where generated modules would want the release that made them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

DESCRIPTORS: Final = Path(__file__).with_name("descriptors.binpb")
"""A FileDescriptorSet of the .proto files beside it, and of what they import."""


def _pool() -> Any:
    described = descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTORS.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in described.file:  # what is imported comes first
        pool.AddSerializedFile(file.SerializeToString())
    return pool


_POOL: Final = _pool()
# protobuf 3.20 has only the one, protobuf 6 only the other
_CLASS_OF: Final = getattr(message_factory, "GetMessageClass", None) or (
    message_factory.MessageFactory(_POOL).GetPrototype
)


def _class(name: str) -> Any:
    return _CLASS_OF(_POOL.FindMessageTypeByName(name))


HealthCheckRequest: Final = _class("grpc.health.v1.HealthCheckRequest")
HealthCheckResponse: Final = _class("grpc.health.v1.HealthCheckResponse")
ServerLiveRequest: Final = _class("inference.ServerLiveRequest")
ServerLiveResponse: Final = _class("inference.ServerLiveResponse")
ServerReadyRequest: Final = _class("inference.ServerReadyRequest")
ServerReadyResponse: Final = _class("inference.ServerReadyResponse")
ModelReadyRequest: Final = _class("inference.ModelReadyRequest")
ModelReadyResponse: Final = _class("inference.ModelReadyResponse")
ServerMetadataRequest: Final = _class("inference.ServerMetadataRequest")
ServerMetadataResponse: Final = _class("inference.ServerMetadataResponse")
ModelMetadataRequest: Final = _class("inference.ModelMetadataRequest")
ModelMetadataResponse: Final = _class("inference.ModelMetadataResponse")
ModelInferRequest: Final = _class("inference.ModelInferRequest")
ModelInferResponse: Final = _class("inference.ModelInferResponse")
TensorProto: Final = _class("tensorflow.TensorProto")
SignatureDef: Final = _class("tensorflow.SignatureDef")
ModelSpec: Final = _class("tensorflow.serving.ModelSpec")
PredictRequest: Final = _class("tensorflow.serving.PredictRequest")
PredictResponse: Final = _class("tensorflow.serving.PredictResponse")
Input: Final = _class("tensorflow.serving.Input")
ClassificationRequest: Final = _class("tensorflow.serving.ClassificationRequest")
ClassificationResponse: Final = _class("tensorflow.serving.ClassificationResponse")
RegressionRequest: Final = _class("tensorflow.serving.RegressionRequest")
RegressionResponse: Final = _class("tensorflow.serving.RegressionResponse")
SignatureDefMap: Final = _class("tensorflow.serving.SignatureDefMap")
GetModelMetadataRequest: Final = _class("tensorflow.serving.GetModelMetadataRequest")
GetModelMetadataResponse: Final = _class("tensorflow.serving.GetModelMetadataResponse")
GetModelStatusRequest: Final = _class("tensorflow.serving.GetModelStatusRequest")
ModelVersionStatus: Final = _class("tensorflow.serving.ModelVersionStatus")
GetModelStatusResponse: Final = _class("tensorflow.serving.GetModelStatusResponse")
MultiInferenceRequest: Final = _class("tensorflow.serving.MultiInferenceRequest")
MultiInferenceResponse: Final = _class("tensorflow.serving.MultiInferenceResponse")
ReloadConfigRequest: Final = _class("tensorflow.serving.ReloadConfigRequest")
ReloadConfigResponse: Final = _class("tensorflow.serving.ReloadConfigResponse")
