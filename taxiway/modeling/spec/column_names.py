"""Column names as others take them: any name of a user's, where TensorFlow wants plain ones.

Files, schemas, requests and reports use a column's own name. Keras' layers, graph nodes, files of
vocabularies and arguments of signatures do not take every character, and do not tell `X` from `x`.
"""

from __future__ import annotations

import hashlib
import keyword
import re
from collections.abc import Iterable
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_ENCODED: Final = "utf8_"
_TAKEN: Final = frozenset({"self", *keyword.kwlist})
"""TensorFlow calls the first argument of its methods so; and what is no argument in Python."""


def stem(name: str) -> str:
    """A name of ASCII letters, digits and underscores for a column: its own, where it is one.

    Another ends in a digest, so that no two columns become one (`a b` and `a_b`).
    """
    if _PLAIN.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return "_".join(["column", *re.findall("[A-Za-z0-9]+", name[:40]), digest])


def argument_names(names: Iterable[str]) -> dict[str, str]:
    """The argument of a signature for each column; `column_name` gives the column back."""
    every = list(names)
    lower = [name.lower() for name in every]
    found = {}
    for name in every:
        plain = _PLAIN.fullmatch(name) and name not in _TAKEN
        alone = lower.count(name.lower()) == 1 and not name.lower().startswith(_ENCODED)
        found[name] = name if plain and alone else f"{_ENCODED}{name.encode().hex()}"
    return found


def column_name(argument: str) -> str:
    """The column that an argument of a signature stands for."""
    if not argument.startswith(_ENCODED):
        return argument
    try:
        return bytes.fromhex(argument.removeprefix(_ENCODED)).decode()
    except ValueError:  # of a signature that was made elsewhere
        return argument
