"""What a column's name tells: is it a label, a key, a code, a day?"""

from __future__ import annotations

import re
from typing import Final

LABELS: Final = (
    *("label", "target", "class", "outcome", "result", "response", "y"),
    *("survived", "churn", "churned", "species", "diagnosis", "default", "fraud", "spam"),
    *("price", "quality", "income", "salary", "deposit", "approved", "late", "sentiment"),
)
"""Words in the names of what people predict, the surest first."""
KEYS: Final = ("id", "ids", "key", "uuid", "guid", "identifier", "rowid", "index", "nr", "no")
CODES: Final = (
    *("zip", "zipcode", "plz", "postal", "postcode", "postleitzahl", "code", "type", "kind"),
    *("zone", "area", "region", "district", "id", "store", "shop", "branch", "group", "category"),
)
"""Words in the names of whole numbers that are names, not amounts."""


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: `SalePrice` and `sale_price (EUR)` have sale and price."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return tuple(word.lower() for word in re.findall(r"[^\W_]+", spaced))


def label_rank(name: str) -> int | None:
    """How sure a name is that of a label, 0 the surest; None where it is no such name."""
    words = words_of(name)
    alone = [LABELS.index(word) for word in words if word in LABELS and len(words) == 1]
    among = [LABELS.index(word) + len(LABELS) for word in words[-2:] if word in LABELS]
    return min([*alone, *among], default=None)


def is_key_name(name: str) -> bool:
    """Whether a name says that the column names rows."""
    words = words_of(name)
    joined = "".join(words)
    return (bool(words) and (words[-1] in KEYS or words[0] in KEYS[:1] or joined in KEYS)) or (
        len(joined) > 3 and name[-2:] in ("ID", "Id")
    )


def is_code_name(name: str) -> bool:
    """Whether a name says that its whole numbers are names."""
    return any(word in CODES for word in words_of(name))
