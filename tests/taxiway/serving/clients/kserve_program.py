"""KServe's SDK, in the environment of `make clients`: see triton_program.py.

A program of its own, for the messages of both have the same names, which protobuf takes once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Mapping
from typing import Any

import kserve
import numpy as np
from kserve.inference_client import RESTConfig


class Rest:
    """The client of REST; all its methods are given where the server is."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.client = kserve.InferenceRESTClient(RESTConfig(protocol="v2"))

    async def live(self) -> Any:
        return await self.client.is_server_live(self._url)

    async def ready(self) -> Any:
        return await self.client.is_server_ready(self._url)

    async def infer(self, request: Any) -> Any:
        return await self.client.infer(self._url, request, model_name=request.model_name)


class Grpc:
    """The client of gRPC."""

    def __init__(self, address: str) -> None:
        self.client = kserve.InferenceGRPCClient(address)

    async def live(self) -> Any:
        return await self.client.is_server_live()

    async def ready(self) -> Any:
        return await self.client.is_server_ready()

    async def infer(self, request: Any) -> Any:
        return await self.client.infer(request)


async def predicted(client: Any, case: Mapping[str, Any]) -> Any:
    inputs = []
    for name, values in case["columns"].items():
        is_text = name == "origin" or any(isinstance(one, str) for one in values)
        array = np.array(values, object if is_text else np.float32)
        one = kserve.InferInput(name, list(array.shape), "BYTES" if is_text else "FP32")
        one.set_data_from_numpy(array, binary_data=False)
        inputs.append(one)
    request = kserve.InferRequest(case["model"], inputs, model_version=case["version"] or None)
    (output,) = (await client.infer(request)).outputs
    return output.as_numpy().tolist()


async def all_of(client: Any, cases: list[Any]) -> dict[str, Any]:
    asks = {"live": lambda _: client.live(), "ready": lambda _: client.ready()}
    found = {}
    for case in cases:
        ask = asks.get(case["kind"], lambda one: predicted(client, one))
        try:
            found[case["name"]] = await ask(case)
        except Exception as error:
            found[case["name"]] = refused(error)
    await client.client.close()
    return found


def refused(error: Any) -> Any:
    if hasattr(error, "details"):
        return {"refused": error.code().name, "text": error.details()}
    if hasattr(error, "response"):
        return {"refused": str(error.response.status_code), "text": str(error)}
    return {"refused": type(error).__name__, "text": str(error)}


async def main() -> None:
    asked = json.load(sys.stdin)
    clients = {"kserve, REST": Rest(asked["http"]), "kserve, gRPC": Grpc(asked["grpc"])}
    cases = asked["cases"]
    answered = {name: await all_of(client, cases[name]) for name, client in clients.items()}
    json.dump(answered, sys.stdout)


if __name__ == "__main__":
    logging.disable()
    asyncio.run(main())
