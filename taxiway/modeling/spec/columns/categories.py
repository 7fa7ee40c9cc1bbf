"""Categories: one of many values, several of them, or two columns' values together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

from taxiway.modeling.spec.checks import (
    check_all,
    check_choice,
    check_name,
    check_whole,
    refuse,
)
from taxiway.modeling.spec.columns.base import WORDS, Encoding, Output, Role

ManyEncoding = Literal["multi_hot", "embedding"]


@dataclass(frozen=True)
class Categorical(Role):
    """A category, looked up in a vocabulary learned from the train split. BYTES or INT.

    Index 0 is a missing (or empty) value, 1 to V the vocabulary, most frequent first, and the last
    `oov_buckets` indices the hash buckets of unseen values; with 0 of these, such a value counts as
    missing. A whole number is looked up as its digits; a boolean is one of the numbers 0 and 1. A
    request of plain columns brings whole numbers as they are, exact up to 2**53, and NaN for a
    missing one.
    """

    max_vocabulary: int = 1000
    oov_buckets: int = 1
    encoding: Encoding = "one_hot"

    role: ClassVar[str] = "category"
    kinds: ClassVar[tuple[str, ...]] = WORDS
    sliceable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        what = self._named()
        check_whole(what, "max_vocabulary", self.max_vocabulary, least=1)
        check_whole(what, "oov_buckets", self.oov_buckets, least=0)
        check_choice(what, "encoding", self.encoding, get_args(Encoding))

    @property
    def width(self) -> int:
        """Indices that it can take: missing, the vocabulary, the unseen."""
        return 1 + self.max_vocabulary + self.oov_buckets

    def outputs(self) -> tuple[Output, ...]:
        """One-hot, or the index."""
        return (_one_of(self, self.width, self.encoding),)


@dataclass(frozen=True)
class Multivalent(Role):
    """Any number of categories in a row, each looked up as `Categorical` does. BYTES or INT.

    A list (of Parquet), or with `separator` a text that holds several, such as `red|green`; blanks
    around each are left out, and so are empty ones. Each counts once a row. Index 0 stands for a
    row that has none. With `multi_hot` the indices that a row has are 1; with `embedding` the
    network averages their embeddings.

    A request of plain columns brings a list as a row of a matrix [N, M], shorter ones filled up
    with "" (or NaN, where they are whole numbers); with `separator` it brings the text [N].
    """

    max_vocabulary: int = 1000
    oov_buckets: int = 1
    encoding: ManyEncoding = "multi_hot"
    separator: str = ""

    role: ClassVar[str] = "categories"
    kinds: ClassVar[tuple[str, ...]] = WORDS

    def __post_init__(self) -> None:
        what = self._named()
        check_whole(what, "max_vocabulary", self.max_vocabulary, least=1)
        check_whole(what, "oov_buckets", self.oov_buckets, least=0)
        check_choice(what, "encoding", self.encoding, get_args(ManyEncoding))
        if not isinstance(self.separator, str):
            refuse(what, "separator", self.separator, "a text such as '|', or '' for lists")

    @property
    def takes_lists(self) -> bool:
        """A text with a separator is one value."""
        return not self.separator

    @property
    def width(self) -> int:
        """Indices: none, the vocabulary, the unseen."""
        return 1 + self.max_vocabulary + self.oov_buckets

    def outputs(self) -> tuple[Output, ...]:
        """Multi-hot, or the same divided by its sum."""
        return (Output(self.transformed_name, self.width, pooled=self.encoding == "embedding"),)


@dataclass(frozen=True)
class Crossed(Role):
    """Two or more categories taken together, hashed into `buckets`. Each BYTES or INT.

    As in `Crossed(("origin", "carrier"))`. Index 0 is a row that lacks one of them.
    """

    name: str = field(init=False, default="")
    names: tuple[str, ...]
    """Of the raw columns."""
    buckets: int = 100
    encoding: Encoding = "one_hot"

    role: ClassVar[str] = "cross"
    kinds: ClassVar[tuple[str, ...]] = WORDS

    def __post_init__(self) -> None:
        names = check_all("Crossed", "names", self.names, (str,), '"origin", "carrier"')
        for name in names:
            check_name("Crossed", "names", name)
        if len(names) < 2 or len(set(names)) < len(names):
            refuse("Crossed", "names", self.names, "two columns or more, each once")
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "name", "_x_".join(names))
        what = self._named()
        check_whole(what, "buckets", self.buckets, least=1)
        check_choice(what, "encoding", self.encoding, get_args(Encoding))

    @property
    def sources(self) -> tuple[str, ...]:
        """All that are crossed."""
        return self.names

    @property
    def width(self) -> int:
        """Indices: missing, and the buckets."""
        return 1 + self.buckets

    def outputs(self) -> tuple[Output, ...]:
        """One-hot, or the index."""
        return (_one_of(self, self.width, self.encoding),)


def _one_of(column: Role, width: int, encoding: Encoding) -> Output:
    if encoding == "embedding":
        return Output(column.transformed_name, width, embedded=True, high=width - 1)
    return Output(column.transformed_name, width)
