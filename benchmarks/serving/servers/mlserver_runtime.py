"""MLServer's runtime of a SavedModel, as its users write one: it has none for TensorFlow itself.

This file is read by MLServer, in an environment of its own, and so imports nothing of ours.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

SIGNATURE = "serving_columns"


class SavedModel(MLModel):
    """One SavedModel, asked by its columns."""

    async def load(self) -> bool:
        """Loads what `model-settings.json` names."""
        self._model = tf.saved_model.load(self.settings.parameters.uri)
        self._answer = self._model.signatures[SIGNATURE]
        self._wanted = self._answer.structured_input_signature[1]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """One call of the model for each request, or for each batch that MLServer makes."""
        columns = {}
        for one in payload.inputs:
            if one.datatype == "BYTES":
                values = np.array(StringCodec.decode_input(one))
            else:
                values = NumpyCodec.decode_input(one)
            spec = self._wanted[one.name]
            shape = [values.size] + [1] * (len(spec.shape) - 1)
            columns[one.name] = tf.constant(values.reshape(shape), spec.dtype)
        outputs = self._answer(**columns)
        told = [NumpyCodec.encode_output(name, value.numpy()) for name, value in outputs.items()]
        return InferenceResponse(model_name=self.name, outputs=told)
