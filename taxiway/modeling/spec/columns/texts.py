"""Free text: which words, and which words side by side, it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from taxiway.modeling.spec.checks import check_whole, refuse
from taxiway.modeling.spec.columns.base import TEXT, Output, Role


@dataclass(frozen=True)
class Text(Role):
    """Text as a bag of n-grams of its words, weighted by TF-IDF. BYTES.

    Words are runs of letters and digits of any script, in lower case; `ngrams=(1, 2)` takes single
    words and pairs. Each n-gram is looked up in a vocabulary of the `max_vocabulary` most frequent
    ones of the train split, or else hashed into one of `buckets`. With `max_vocabulary=0` all are
    hashed; with `buckets=0` unknown ones are left out.

    Weights are those of scikit-learn's TfidfVectorizer: (ln((1 + rows) / (1 + rows with it)) + 1)
    times how often the text has it, divided by the row's Euclidean norm. A missing or empty text
    has zeros only.
    """

    ngrams: tuple[int, int] = (1, 2)
    buckets: int = 512
    max_vocabulary: int = 0

    role: ClassVar[str] = "text"
    kinds: ClassVar[tuple[str, ...]] = TEXT

    def __post_init__(self) -> None:
        what = self._named()
        if not isinstance(self.ngrams, tuple | list) or len(self.ngrams) != 2:
            refuse(what, "ngrams", self.ngrams, "the shortest and the longest, as in (1, 2)")
        shortest, longest = self.ngrams
        check_whole(what, "ngrams", shortest, least=1)
        check_whole(what, "ngrams", longest, least=shortest)
        object.__setattr__(self, "ngrams", (shortest, longest))
        check_whole(what, "max_vocabulary", self.max_vocabulary, least=0)
        check_whole(what, "buckets", self.buckets, least=0 if self.max_vocabulary else 1)

    @property
    def width(self) -> int:
        """The vocabulary and the buckets."""
        return self.max_vocabulary + self.buckets

    def outputs(self) -> tuple[Output, ...]:
        """One column of weights for each n-gram or bucket."""
        return (Output(self.transformed_name, self.width),)
