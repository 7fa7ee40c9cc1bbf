"""A model folder is the whole model: what it does not bring comes from this package.

`features.py` and `schema.pbtxt` are every folder's own. Each file of PARTS is optional.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from taxiway.config.places import model_folder

PARTS: Final[Mapping[str, str]] = {
    "preprocessing": "taxiway.modeling.preprocessing.preprocessing_fn",
    "network": "taxiway.modeling.training.network.build_network",
    "training": "taxiway.modeling.training.trainer.run_fn",
}
"""Files of a model folder, and the function that each replaces by one of the same name.

`hyperparameters.py` beside them has a class, see `taxiway.config.model.hyperparameters_class`."""


def part_path(module: str, part: str) -> str:
    """The import path of a part's function: of the model's own where it has one.

    Args:
      module: the model folder, such as `models.mine`.
      part: a key of PARTS.
    """
    own = (model_folder(module) / f"{part}.py").is_file()
    default = PARTS[part]
    return f"{module}.{part}.{default.rpartition('.')[2]}" if own else default


def load_part(module: str, part: str) -> Callable[..., Any]:
    """The function itself; raises AttributeError where the model's file does not have it."""
    path, _, name = part_path(module, part).rpartition(".")
    function: Callable[..., Any] = getattr(importlib.import_module(path), name)
    return function
