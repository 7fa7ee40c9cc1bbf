"""The `model` and `transform` sections: what is learned, and with what."""

from __future__ import annotations

import importlib
from typing import Annotated, Any, Final, Literal

from pydantic import Field, SerializeAsAny, ValidationInfo, field_validator

from taxiway.config.places import model_folder
from taxiway.errors import ConfigError
from taxiway.root_cause import root_cause
from taxiway.section import Fraction, Frozen, ModuleName, Name

HYPERPARAMETERS_FILE: Final = "hyperparameters.py"


Auto = Literal["auto"]
"""As fits the number of rows; see taxiway/modeling/training/schedule.py."""


class Transform(Frozen):
    """What Transform leaves behind."""

    materialize: bool = False
    """Write transformed examples too. Without them the Trainer applies the graph as it reads."""


class Hyperparameters(Frozen):
    """What the Trainer learns with; reaches it as an imported artifact, not as code."""

    hidden_units: tuple[Annotated[int, Field(ge=1)], ...] = (32,)
    """Width of each hidden layer, from the input on."""
    embedding_size: Annotated[int, Field(ge=1)] = 8
    """Dimensions of a category with `encoding="embedding"`."""
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Share of hidden units left out in each training step."""
    l2: Annotated[float, Field(ge=0.0)] = 0.0
    """Weight of the squared-weights penalty on the hidden layers."""
    learning_rate: Annotated[float, Field(gt=0.0)] | Auto = "auto"
    """Step size of the Adam optimizer; `auto` is 0.003."""
    batch_size: Annotated[int, Field(ge=1)] | Auto = "auto"
    """Rows in each training step; `auto` cuts small data into about 100 steps an epoch."""
    epochs: Annotated[int, Field(ge=1)] | Auto = "auto"
    """Passes over the train split at most; `auto` is as many as make 4,000 steps, 10 to 100. Early
    stopping may end sooner."""
    early_stopping_patience: Annotated[int, Field(ge=1)] | Auto = "auto"
    """Epochs without a better validation loss before training stops; `auto` is a tenth of
    `epochs`."""
    validation_fraction: Fraction = 0.1
    """Share of the train split held back for early stopping; the eval split is never seen."""
    positive_weight: Annotated[float, Field(ge=1.0)] | Literal["balanced"] = "balanced"
    """Of a binary task: weight of the positive class while training; undone in the exported model's
    logit."""
    class_weights: Literal["balanced", "none"] = "balanced"
    """Of a task of several classes: `balanced` gives all classes the same total weight while
    training; undone in the exported model's logits."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 42
    """Of weights, shuffling and dropout: the same seed trains the same model."""


class Model(Frozen):
    """The model folder and what it is trained with."""

    name: Name
    """Of its versions in the registry, and of its serving folder."""
    module: ModuleName
    """Import path of the model's folder, such as `models.mine`."""
    code_digest: str = ""
    """Filled in when the config is loaded: sha256 of the model code, part of the cache key."""
    allowed_operations: tuple[Annotated[str, Field(pattern=r"^[A-Za-z_][\w>]*$")], ...] = ()
    """Operations of TensorFlow, such as `DecodeProtoV2`, that the model may have besides those of
    taxiway/modeling/exported/allowed_operations.txt. Any other is refused before it is loaded."""
    hyperparameters: SerializeAsAny[Hyperparameters | Frozen] = Field({}, validate_default=True)
    """Of the class that the model's folder has in hyperparameters.py; without one, of this."""

    @field_validator("hyperparameters", mode="plain", json_schema_input_type=Hyperparameters)
    @classmethod
    def _of_the_models_class(cls, value: Any, info: ValidationInfo) -> Frozen:
        if isinstance(value, Frozen):
            return value
        section: Frozen = hyperparameters_class(info.data.get("module", "")).model_validate(value)
        return section


def hyperparameters_class(module: str) -> type[Any]:
    """What the hyperparameters of a model are: `Hyperparameters` of its hyperparameters.py.

    Raises:
      ConfigError: the file does not import, or has no such class.
    """
    path = model_folder(module) / HYPERPARAMETERS_FILE
    if not path.is_file():
        return Hyperparameters
    try:
        found = importlib.import_module(f"{module}.{path.stem}").Hyperparameters
    except Exception as error:
        raise ConfigError(
            f"{path} gives no class Hyperparameters: {root_cause(error)}",
            edit=str(path),
        ) from error
    if not (isinstance(found, type) and issubclass(found, Frozen)):
        raise ConfigError(
            f"Hyperparameters of {path} must be a class derived from taxiway.section.Frozen, "
            f"found {found!r}",
            edit=str(path),
        )
    return found
