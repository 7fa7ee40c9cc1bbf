"""The common way without a gateway: FastAPI, pydantic, and the model in the same process.

`python -m benchmarks.serving.servers.plain_fastapi MODEL PORT`: a plain `def` endpoint, which
FastAPI runs on its threads, and one call of the model for each request.
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from taxiway.modeling.names import COLUMNS


class Rows(BaseModel):
    """A request as TensorFlow Serving has it."""

    instances: list[dict[str, Any]]


def make_app(folder: str) -> FastAPI:
    """An endpoint for one SavedModel."""
    import tensorflow as tf

    model = tf.saved_model.load(folder)
    answer = model.signatures[COLUMNS]
    wanted = answer.structured_input_signature[1]
    app = FastAPI()

    @app.post("/predict")
    def predict(rows: Rows) -> dict[str, Any]:
        columns = {
            name: tf.constant(
                [row.get(name, _missing(spec.dtype)) for row in rows.instances], spec.dtype
            )
            for name, spec in wanted.items()
        }
        columns = {name: tf.reshape(v, _shape(wanted[name], v)) for name, v in columns.items()}
        outputs = {name: value.numpy().tolist() for name, value in answer(**columns).items()}
        answers = zip(*outputs.values(), strict=True)
        return {"predictions": [dict(zip(outputs, answer, strict=True)) for answer in answers]}

    def _missing(dtype: Any) -> Any:
        return "" if dtype == tf.string else 0

    def _shape(spec: Any, value: Any) -> list[int]:
        return [len(value)] + [1] * (len(spec.shape) - 1)

    return app


if __name__ == "__main__":
    uvicorn.run(make_app(sys.argv[1]), port=int(sys.argv[2]), log_level="warning", access_log=False)
