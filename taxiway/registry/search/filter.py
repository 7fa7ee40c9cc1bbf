"""The filter language of searches: `metrics.auc > 0.7 and not tags.owner = 'x' or "wind gust"`.

Pure: a text becomes a `Filter`, which is asked about plain values by name. It knows nothing of
versions, so that whatever has a flat set of fields can be searched with it.

    words           wind gust            both are there, in what is searched as text
                    "wind gust"          one after the other
    comparisons     FIELD OP VALUE       = != < <= > >=, ~ contains, !~ does not
    all together    and, or, not, ( )    blanks alone mean `and`, which is stronger than `or`
    quotes          "..." or '...'       around what has blanks, operators or brackets in it

Numbers are compared as numbers, times as times (a day is all that is within it), all else as text
in natural order (1.9.0 < 1.10.0), in which case does not matter. A field that is missing satisfies
no comparison but those of its negation: `a != b` is `not a = b`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from taxiway.errors import ConfigError, did_you_mean
from taxiway.registry.search.comparison import Wanted, is_no_date
from taxiway.registry.search.nodes import And, Comparison, Node, Not, Or, Word
from taxiway.registry.search.text import folded
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lark import Lark, Token

    from taxiway.registry.search.comparison import Value

LONGEST: Final = 1_000
"""Characters of a filter: enough for people, too few to nest too deeply."""
GRAMMAR: Final = r"""
start: disjunction?
?disjunction: conjunction (_OR conjunction)*
?conjunction: _negation (_AND? _negation)*
_negation: negated | _LPAR disjunction _RPAR | comparison | word
negated: _NOT _negation
comparison: (WORD | QUALIFIED | STRING) OPERATOR (WORD | STRING)
word: WORD | STRING

_AND.3: /and(?![^\s()'"=<>!~])/i
_OR.3: /or(?![^\s()'"=<>!~])/i
_NOT.3: /not(?![^\s()'"=<>!~])/i
QUALIFIED.2: /[^\s()'"=<>!~]+\.("([^"\\]|\\.)*"|'([^'\\]|\\.)*')/s
STRING: /"([^"\\]|\\.)*"|'([^'\\]|\\.)*'/s
OPERATOR.2: /==|!=|!~|<=|>=|=|<|>|~/
WORD: /[^\s()'"=<>!~]+/
_LPAR: "("
_RPAR: ")"
%ignore /\s+/
"""
_EXPECTED: Final = {
    "WORD": "a word",
    "STRING": "a quoted text",
    "QUALIFIED": "a field",
    "OPERATOR": "an operator (= != < <= > >= ~ !~)",
    "_LPAR": "'('",
    "_RPAR": "')'",
    "_AND": "and",
    "_OR": "or",
    "_NOT": "not",
    "$END": "the end",
}
"""Of the grammar's terminals, what people call them; in the order in which errors tell them."""
_FOREIGN: Final = {"&&": "and", "||": "or", "&": "and", "|": "or"}
"""What other languages write, and this one's word for it."""
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True)
class Filter:
    """A parsed filter.

    Args:
      text: as it was written.
      root: what it says.
      comparisons: all in it, in the order of the text.
      words: whether it looks for words.
    """

    text: str
    root: Node
    comparisons: tuple[Comparison, ...]
    words: bool

    @property
    def fields(self) -> list[str]:
        """Names of the fields that it asks for, each once, in the order of the text."""
        return list(dict.fromkeys(comparison.field for comparison in self.comparisons))

    def matches(self, fields: Mapping[str, Value], text: str = "") -> bool:
        """Whether something satisfies it.

        Args:
          fields: its values by name; what is missing is not there.
          text: what is searched for words, folded (see text.py).
        """
        return self.root.matches(fields, text)

    def check(self, known: Collection[str]) -> None:
        """Refuses a field that nothing can have.

        Args:
          known: names of fields; one that ends in a dot stands for all that begin with it.

        Raises:
          ConfigError: with the place in the text, and a near name.
        """
        names = [name.rstrip(".") for name in known]
        for comparison in self.comparisons:
            field = folded(comparison.field)
            head, dot, _ = field.partition(".")
            if f"{head}{dot}" in known and (dot or field in known):
                continue
            hint = did_you_mean(head, names)
            fields = ", ".join(f"{name}*" if name.endswith(".") else name for name in known)
            raise _error(
                self.text,
                comparison.place,
                f"there is no field '{one_line(comparison.field)}'{hint} (known: {fields})",
            )


def parse(text: str) -> Filter:
    """A filter from its text; an empty one is satisfied by everything.

    Raises:
      ConfigError: with the place in the text, what stands there, and what was expected.
    """
    from lark import Tree, UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

    if len(text) > LONGEST:
        raise ConfigError(
            f"a filter may have {LONGEST:,} characters, and this one has {len(text):,}",
            edit="the filter",
        )
    try:
        tree = _parser().parse(text)
    except UnexpectedCharacters as error:
        raise _unexpected_character(text, error.pos_in_stream or 0) from None
    except UnexpectedToken as error:
        at_end = error.token.type == "$END"
        place = len(text.rstrip()) if at_end else int(error.token.start_pos or 0)
        found = "the end" if at_end else f"'{one_line(str(error.token))}'"
        expected = _one_of(error.accepts or error.expected)
        raise _error(text, place, f"expected {expected}, found {found}") from None
    except UnexpectedEOF:
        raise _error(text, len(text.rstrip()), "it ends too early") from None
    comparisons: list[Comparison] = []
    words: list[Word] = []
    assert isinstance(tree, Tree)
    root = _node(text, tree, comparisons, words)
    return Filter(text, root, tuple(comparisons), bool(words))


@functools.cache
def _parser() -> Lark:
    from lark import Lark

    return Lark(GRAMMAR, parser="lalr", lexer="basic", propagate_positions=False)


def _node(text: str, tree: Any, comparisons: list[Comparison], words: list[Word]) -> Node:
    """What a branch of the tree says; those that say nothing of their own are left out."""
    if tree.data == "comparison":
        comparison = _comparison(text, tree.children)
        comparisons.append(comparison)
        return comparison
    if tree.data == "word":
        word = Word(folded(_text(_native(text, tree.children[0]))))
        words.append(word)
        return word
    parts = tuple(_node(text, child, comparisons, words) for child in tree.children)
    if tree.data == "negated":
        return Not(parts[0])
    if tree.data == "start" and parts:
        return parts[0]
    return Or(parts) if tree.data == "disjunction" else And(parts)


def _comparison(text: str, tokens: Sequence[Token]) -> Comparison:
    field, operator, value = tokens
    wanted = _text(value)
    if value.type == "WORD" and is_no_date(wanted):
        raise _error(text, value.start_pos or 0, f"'{one_line(wanted)}' is no date")
    return Comparison(
        _field(field),
        "=" if operator == "==" else str(operator),
        Wanted.of(wanted, quoted=value.type == "STRING"),
        field.start_pos or 0,
    )


def _native(text: str, token: Token) -> Token:
    """A word; not one that means `and` or `or` elsewhere."""
    if token.type == "WORD" and token in _FOREIGN:
        raise _error(text, token.start_pos or 0, f"write {_FOREIGN[token]} for {token}")
    return token


def _text(token: Token) -> str:
    return _unquoted(token) if token.type == "STRING" else str(token)


def _field(token: Token) -> str:
    if token.type != "QUALIFIED":
        return _text(token)
    quote = token[-1]
    start = token.index(quote)
    return token[:start] + _unquoted(token[start:])


def _unquoted(text: str) -> str:
    return _ESCAPED.sub(r"\1", text[1:-1])


def _one_of(terminals: Collection[str]) -> str:
    known = [name for terminal, name in _EXPECTED.items() if terminal in terminals]
    return " or ".join(", ".join(known).rsplit(", ", 1))


def _unexpected_character(text: str, place: int) -> ConfigError:
    found = text[place]
    if found in "'\"":
        return _error(text, place, f"the quote {found} is not closed")
    return _error(text, place, f"{one_line(found)} alone is no operator: write != or !~, or not")


def _error(text: str, place: int, what: str) -> ConfigError:
    """With the text, and a mark below the place."""
    return ConfigError(
        f"the filter is not understood at character {place + 1}: {what}\n"
        f"  {one_line(text)}\n  {' ' * place}^",
        edit="the filter; docs/reference/filters.md has the language",
    )
