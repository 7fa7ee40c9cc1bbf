"""What config sections are made of: frozen models, and the types that several of them share."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(gt=0.0, lt=1.0)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=63)]
"""Of a folder, a table or a label: Kubernetes takes no longer one, and Kubeflow writes one without
hyphens at its end, and one hyphen in the place of several."""
KubernetesName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=253)]
"""Of an object that is in the cluster already."""
ModuleName = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$", max_length=200)]
"""An import path."""
Seconds = Annotated[float, Field(gt=0, le=1e6)]
"""Eleven days at most: the system's own calls count milliseconds in 32 bits."""
Port = Annotated[int, Field(ge=1, le=65535)]
EnvName = Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$")]
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]
"""As Kubernetes writes amounts: cores (`500m`, `2`) or bytes (`4Gi`)."""


class Frozen(BaseModel):
    """Base of every config section: unknown keys are refused and nothing changes after loading."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )


def is_loopback(host: str) -> bool:
    """Whether an address is one of this machine that no other reaches; of names, localhost only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
