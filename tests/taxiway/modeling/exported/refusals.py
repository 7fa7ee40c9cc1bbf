"""What is said of a model that no process is to load."""

from __future__ import annotations

from pathlib import Path

import pytest

from taxiway.modeling.exported.operations import check_model
from taxiway.modeling.exported.saved_model import ModelRefused

EDIT = "the model, or model.allowed_operations if you trust whoever wrote it"
OUTSIDE = (
    "outside of the operations that a model may have, "
    "for it may reach files, sockets, Python or other code"
)


def refusal(folder: Path, *allowed: str) -> str:
    """The message and its edit."""
    with pytest.raises(ModelRefused) as caught:
        check_model(folder, allowed)
    return str(caught.value)
