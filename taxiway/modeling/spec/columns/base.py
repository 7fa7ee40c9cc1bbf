"""What every role of a column has, and what it becomes after Transform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from taxiway.modeling.spec.checks import check_name
from taxiway.modeling.spec.column_names import stem

XF_SUFFIX: Final = "_xf"
NUMBERS: Final = ("INT", "FLOAT")
WORDS: Final = ("BYTES", "INT")
TEXT: Final = ("BYTES",)


@dataclass(frozen=True)
class Output:
    """A column after Transform: float32 [N, width], or int64 [N] below `width` to be embedded."""

    name: str
    width: int = 1
    embedded: bool = False
    pooled: bool = False
    """float32 [N, width] of weights that sum to 1, by which embeddings are averaged."""
    low: float = 0.0
    high: float = 1.0
    """The least and the largest value that it can take, whatever the raw column holds."""


@dataclass(frozen=True)
class Role:
    """One raw column, and what is made of it."""

    name: str
    """Of the raw column."""

    role: ClassVar[str]
    """One word; part of the transformed column's name."""
    kinds: ClassVar[tuple[str, ...]]
    """The types that the raw column may have in the schema."""
    is_number: ClassVar[bool] = False
    """A request brings it as a float32; otherwise as text, or as a whole number exactly."""
    sliceable: ClassVar[bool] = False
    """The Evaluator may slice by the raw column."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The raw columns that it is made of."""
        return (self.name,)

    @property
    def takes_lists(self) -> bool:
        """A row has any number of values."""
        return False

    @property
    def transformed_name(self) -> str:
        """The name of the column after Transform; its role is part of it."""
        return self.output_name(self.role)

    def output_name(self, part: str) -> str:
        """The name of a part of it after Transform."""
        return f"{stem(self.name)}_{part}{XF_SUFFIX}"

    def outputs(self) -> tuple[Output, ...]:
        """What it becomes, in the order in which the network reads it."""
        raise NotImplementedError

    def _named(self) -> str:
        """How messages call it; refuses a name that cannot be one."""
        kind = type(self).__name__
        check_name(kind, "name", self.name)
        return f"{kind} '{self.name}'"


Encoding = Literal["one_hot", "embedding"]
