"""The methods of gRPC's services: their paths, and the messages that go in and come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from taxiway.serving.protos import messages

PREDICTION: Final = "tensorflow.serving.PredictionService"
MODEL: Final = "tensorflow.serving.ModelService"
INFERENCE: Final = "inference.GRPCInferenceService"
HEALTH: Final = "grpc.health.v1.Health"


@dataclass(frozen=True)
class Method:
    """One method of a service: a request in, a response out (or several of them).

    Args:
      service: full name.
      name: of the method.
      request: class of the message that goes in.
      response: of the one that comes out.
      streams: whether responses come one after another.
    """

    service: str
    name: str
    request: Any
    response: Any
    streams: bool = False

    @property
    def path(self) -> str:
        """As gRPC asks for it."""
        return f"/{self.service}/{self.name}"


def _method(service: str, name: str, stem: str = "", *, streams: bool = False) -> Method:
    """Its messages are called after it, or after another stem."""
    request, response = f"{stem or name}Request", f"{stem or name}Response"
    return Method(
        service, name, getattr(messages, request), getattr(messages, response), streams=streams
    )


PREDICT: Final = _method(PREDICTION, "Predict")
CLASSIFY: Final = _method(PREDICTION, "Classify", "Classification")
REGRESS: Final = _method(PREDICTION, "Regress", "Regression")
GET_MODEL_METADATA: Final = _method(PREDICTION, "GetModelMetadata")
MULTI_INFERENCE: Final = _method(PREDICTION, "MultiInference")
GET_MODEL_STATUS: Final = _method(MODEL, "GetModelStatus")
RELOAD_CONFIG: Final = _method(MODEL, "HandleReloadConfigRequest", "ReloadConfig")

SERVER_LIVE: Final = _method(INFERENCE, "ServerLive")
SERVER_READY: Final = _method(INFERENCE, "ServerReady")
MODEL_READY: Final = _method(INFERENCE, "ModelReady")
SERVER_METADATA: Final = _method(INFERENCE, "ServerMetadata")
MODEL_METADATA: Final = _method(INFERENCE, "ModelMetadata")
MODEL_INFER: Final = _method(INFERENCE, "ModelInfer")

CHECK: Final = _method(HEALTH, "Check", "HealthCheck")
WATCH: Final = _method(HEALTH, "Watch", "HealthCheck", streams=True)
