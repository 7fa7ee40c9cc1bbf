"""tritonclient, in the environment of `make clients`: a program that asks every case.

    .clients/env/bin/python triton_program.py < asked.json > answered.json

Asked are `{"http", "grpc", "cases": {client: [case, ...]}}`, answered is
`{client: {case: what came}}`. It knows nothing of Taxiway, which is not installed there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException

TYPES = {"FP32": "float32", "BYTES": "string"}


class Triton:
    """A client of either kind, by its module."""

    def __init__(self, module: Any, url: str) -> None:
        self._module = module
        self._client = module.InferenceServerClient(url)

    def ask(self, case: Mapping[str, Any]) -> Any:
        """What came, or how it was refused."""
        try:
            return getattr(self, case["kind"])(case)
        except InferenceServerException as error:
            code = str(error.status()).removeprefix("StatusCode.")
            return {"refused": code, "text": error.message()}

    def live(self, _: Any) -> Any:
        return self._client.is_server_live()

    def ready(self, case: Any) -> Any:
        return self._client.is_server_ready() and self._client.is_model_ready(case["model"])

    def metadata(self, case: Any) -> Any:
        named = {"as_json": True} if self._module is tritonclient.grpc else {}
        found = self._client.get_model_metadata(case["model"], **named)
        return {one["name"]: TYPES[one["datatype"]] for one in found["inputs"]}

    def predict(self, case: Any) -> Any:
        inputs = []
        for name, values in case["columns"].items():
            is_text = name == "origin" or any(isinstance(one, str) for one in values)
            array = np.array(values, object if is_text else np.float32)
            one = self._module.InferInput(name, list(array.shape), "BYTES" if is_text else "FP32")
            one.set_data_from_numpy(array)
            inputs.append(one)
        answer = self._client.infer(case["model"], inputs, model_version=case["version"])
        return answer.as_numpy("probability").tolist()

    def close(self) -> None:
        self._client.close()


def main() -> None:
    asked = json.load(sys.stdin)
    clients = {
        "tritonclient.http": (tritonclient.http, asked["http"].removeprefix("http://")),
        "tritonclient.grpc": (tritonclient.grpc, asked["grpc"]),
    }
    answered = {}
    for name, (module, url) in clients.items():
        client = Triton(module, url)
        answered[name] = {case["name"]: client.ask(case) for case in asked["cases"][name]}
        client.close()
    json.dump(answered, sys.stdout)


if __name__ == "__main__":
    main()
