"""Reads the expression that derives a label, such as `tips > 0.2 * fare`, and checks its types.

Python's own parser reads it; what is taken over is what OPERATIONS names, and nothing is ever
evaluated here. Missing values go through as in SQL: what is computed from one is missing, unless it
is the same whatever the value would be (`a or b` is true where one is), and `is missing` asks for
them. What has no finite value, as a division by zero, is missing too.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final, Literal

from taxiway.errors import ConfigError, did_you_mean

Kind = Literal["number", "text", "condition"]
ARTICLES: Final[Mapping[Kind, str]] = {
    "number": "a number",
    "text": "a text",
    "condition": "a condition",
}
LABEL_TYPES: Final[Mapping[Kind, tuple[str, ...]]] = {
    "number": ("INT", "FLOAT"),
    "text": ("BYTES",),
    "condition": ("INT", "FLOAT"),
}
"""What a derived label is in the schema; a condition becomes 1 or 0."""
OPERATIONS: Final[Mapping[str, tuple[tuple[Kind | Literal["same", "any"], ...], Kind]]] = {
    "+": (("number", "number"), "number"),
    "-": (("number", "number"), "number"),
    "*": (("number", "number"), "number"),
    "/": (("number", "number"), "number"),
    "negative": (("number",), "number"),
    "<": (("same", "same"), "condition"),
    "<=": (("same", "same"), "condition"),
    ">": (("same", "same"), "condition"),
    ">=": (("same", "same"), "condition"),
    "==": (("same", "same"), "condition"),
    "!=": (("same", "same"), "condition"),
    "and": (("condition", "condition"), "condition"),
    "or": (("condition", "condition"), "condition"),
    "not": (("condition",), "condition"),
    "is missing": (("any",), "condition"),
    "abs": (("number",), "number"),
    "sqrt": (("number",), "number"),
    "log": (("number",), "number"),
    "min": (("number", "number"), "number"),
    "max": (("number", "number"), "number"),
}
"""What each takes and gives; `same` are two of one kind. `if` is the one that is not here."""
FUNCTIONS: Final = ("abs", "sqrt", "log", "min", "max")
"""Operations that are written as calls; min and max take two or more."""
MISSING: Final = "missing"
LONGEST: Final = 2_000
"""Characters: also a bound on how deep an expression can be."""
DEEPEST: Final = 100
_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`([^`]*)`")
_BINARY: Final[Mapping[type[ast.AST], str]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.And: "and",
    ast.Or: "or",
}
_HINTS: Final[tuple[tuple[str, str], ...]] = (
    (r"&&?", "`and` joins two conditions"),
    (r"\|\|?", "`or` joins two conditions"),
    (r"!(?!=)", "`not` turns a condition round"),
    (r"<>", "`!=` asks whether two differ"),
    (r"(?<![=<>!])=(?!=)", "`==` asks whether two are equal"),
)


@dataclass(frozen=True)
class Constant:
    """A number, a text or a condition that is written out."""

    value: float | str | bool


@dataclass(frozen=True)
class ColumnOf:
    """The value of a raw column."""

    name: str


@dataclass(frozen=True)
class Apply:
    """An operation of OPERATIONS, or `if`: condition, value where it holds, value where not."""

    operation: str
    arguments: tuple[Node, ...]


Node = Constant | ColumnOf | Apply


@dataclass(frozen=True)
class Expression:
    """What makes a column of others."""

    text: str
    root: Node

    @property
    def columns(self) -> tuple[str, ...]:
        """Raw columns that it reads, each once."""
        return tuple(dict.fromkeys(_columns(self.root)))

    def kind(self, kinds: Mapping[str, str]) -> Kind:
        """What it gives, where columns have these types: INT, FLOAT or BYTES.

        Raises:
          ConfigError: a column that there is not, or an operation on what it does not take.
        """
        return _Checker(self.text, kinds).kind(self.root)


def parse(text: str) -> Expression:
    """Reads an expression.

    A column is written as a name, or in backquotes where it is none: `` `Trip Miles (km)` > 10 ``.

    Raises:
      ConfigError: it is none, or uses more of Python than there is to it.
    """
    if not text.strip() or len(text) > LONGEST:
        raise _refused(text, f"expected one expression of at most {LONGEST:,} characters")
    quoted: dict[str, str] = {}

    def plain(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        name = f"_column_{len(quoted)}_"
        quoted[name] = match[1]
        return f" {name} "

    try:
        tree = ast.parse(_QUOTED.sub(plain, text).strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise _refused(text, f"{reason}{_hint(text)}") from None
    except (RecursionError, MemoryError):  # as Python's parser says it, on one release or another
        raise _refused(text, "it is nested too deep") from None
    return Expression(text, _Reader(text, quoted).node(tree.body, 0))


class _Reader:
    """Python's tree to ours; whatever it does not know is refused."""

    def __init__(self, text: str, quoted: Mapping[str, str]) -> None:
        self._text, self._quoted = text, quoted

    def node(self, tree: ast.expr, depth: int) -> Node:
        if depth > DEEPEST:
            raise _refused(
                self._text, f"it is nested too deep, more than {DEEPEST} operations within another"
            )
        deeper = depth + 1
        if isinstance(tree, ast.Name):
            return self._name(tree.id)
        if isinstance(tree, ast.Constant):
            return self._constant(tree.value)
        if isinstance(tree, ast.BinOp) and type(tree.op) in _BINARY:
            pair = (self.node(tree.left, deeper), self.node(tree.right, deeper))
            return Apply(_BINARY[type(tree.op)], pair)
        if isinstance(tree, ast.BoolOp):
            parts = [self.node(value, deeper) for value in tree.values]
            return _folded(_BINARY[type(tree.op)], parts)
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
            return Apply("not", (self.node(tree.operand, deeper),))
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
            return Apply("negative", (self.node(tree.operand, deeper),))
        if isinstance(tree, ast.Compare):
            return self._comparison(tree, deeper)
        if isinstance(tree, ast.IfExp):
            parts = [self.node(part, deeper) for part in (tree.test, tree.body, tree.orelse)]
            return Apply("if", tuple(parts))
        if isinstance(tree, ast.Call):
            return self._call(tree, deeper)
        return self._unknown(tree)

    def _name(self, name: str) -> ColumnOf:
        if name == MISSING:
            raise _refused(self._text, "`missing` stands behind `is` or `is not` only")
        return ColumnOf(self._quoted.get(name, name))

    def _constant(self, value: object) -> Constant:
        if isinstance(value, bool | str):
            return Constant(value)
        if isinstance(value, int | float):
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            if math.isfinite(number):
                return Constant(number)
        hint = "; `is missing` asks for a missing value" if value is None else ""
        shown = f"got {str(value)[:40]}"
        raise _refused(
            self._text, f"{shown}, expected a finite number, a text, True or False{hint}"
        )

    def _comparison(self, tree: ast.Compare, depth: int) -> Node:
        """Of two, or of more in a row as in `0 < fare < 100`."""
        sides = [tree.left, *tree.comparators]
        parts = [
            self._compared(left, operator, right, depth)
            for (left, right), operator in zip(itertools.pairwise(sides), tree.ops, strict=True)
        ]
        return _folded("and", parts)

    def _compared(self, left: ast.expr, operator: ast.cmpop, right: ast.expr, depth: int) -> Node:
        first = self.node(left, depth)
        if isinstance(operator, ast.Is | ast.IsNot):
            is_missing = isinstance(right, ast.Name) and right.id == MISSING
            if not is_missing:
                raise _refused(self._text, "`is` goes with `missing` only, as in `tips is missing`")
            asked = Apply("is missing", (first,))
            return Apply("not", (asked,)) if isinstance(operator, ast.IsNot) else asked
        if isinstance(operator, ast.In | ast.NotIn):
            if not isinstance(right, ast.Tuple | ast.List) or not right.elts:
                raise _refused(self._text, '`in` takes a list of values, as in ("Cash", "Card")')
            equal = [Apply("==", (first, self.node(one, depth))) for one in right.elts]
            found = _folded("or", equal)
            return Apply("not", (found,)) if isinstance(operator, ast.NotIn) else found
        return Apply(_BINARY[type(operator)], (first, self.node(right, depth)))

    def _call(self, tree: ast.Call, depth: int) -> Node:
        name = tree.func.id if isinstance(tree.func, ast.Name) else ast.unparse(tree.func)
        if name not in FUNCTIONS:
            raise _refused(
                self._text,
                f"there is no function '{name[:40]}' (known: {', '.join(FUNCTIONS)})"
                f"{did_you_mean(name, FUNCTIONS)}",
            )
        wanted = len(OPERATIONS[name][0])
        given = len(tree.args)
        starred = any(isinstance(one, ast.Starred) for one in tree.args)
        if tree.keywords or starred or (given != wanted if wanted == 1 else given < wanted):
            words = "one value" if wanted == 1 else "two values or more"
            raise _refused(self._text, f"{name} takes {words}, got {ast.unparse(tree)[:80]}")
        parts = [self.node(one, depth) for one in tree.args]
        return _folded(name, parts) if wanted == 2 else Apply(name, tuple(parts))

    def _unknown(self, tree: ast.expr) -> Node:
        shown = ast.unparse(tree)
        for name, column in self._quoted.items():
            shown = shown.replace(name, f"`{column}`")
        raise _refused(
            self._text,
            f"got {shown[:80]}, expected columns, numbers, texts, + - * /, comparisons, and, or, "
            f"not, if, in, `is missing`, and {', '.join(FUNCTIONS)}{_hint(self._text)}",
        )


class _Checker:
    """Finds the kind of each part, and refuses a part that does not fit."""

    def __init__(self, text: str, kinds: Mapping[str, str]) -> None:
        self._text, self._kinds = text, kinds

    def kind(self, node: Node) -> Kind:
        if isinstance(node, Constant):
            is_text = isinstance(node.value, str)
            return "condition" if isinstance(node.value, bool) else "text" if is_text else "number"
        if isinstance(node, ColumnOf):
            return self._column(node.name)
        found = [self.kind(one) for one in node.arguments]
        if node.operation == "if":
            self._expect(node, "condition", found[0])
            self._expect(node, found[1], found[2])
            return found[1]
        wanted, given = OPERATIONS[node.operation]
        for want, got in zip(wanted, found, strict=True):
            if want != "any":
                self._expect(node, found[0] if want == "same" else want, got)
        return given

    def _column(self, name: str) -> Kind:
        if name not in self._kinds:
            near = did_you_mean(name, self._kinds)
            raise _refused(self._text, f"the schema has no column '{name}'{near}")
        return "text" if self._kinds[name] == "BYTES" else "number"

    def _expect(self, node: Apply, wanted: Kind, got: Kind) -> None:
        if wanted == got:
            return
        hint = ""
        if wanted == "condition":
            hint = ", such as fare > 10"
        elif {wanted, got} == {"number", "text"}:
            hint = "; a column's type is in the schema"
        raise _refused(
            self._text,
            f"`{node.operation}` got {ARTICLES[got]}, expected {ARTICLES[wanted]}{hint}",
        )


def check_derive(what: str, label: str, text: str) -> None:
    """Refuses what cannot make a label, whatever the schema says; empty is none.

    Raises:
      ConfigError: see `parse`; also where the label would be made of itself, or of no column.
    """
    if not text:
        return
    if not isinstance(text, str):
        raise ConfigError(f"{what}: derive is {text!r}, expected an expression as a text")
    columns = parse(text).columns
    if label in columns:
        raise _refused(text, f"the label '{label}' is made by it, and cannot be read by it too")
    if not columns:
        raise _refused(text, "it reads no column, so that all rows would have one label")


def derive_problem(label: str, text: str, kinds: Mapping[str, str]) -> str:
    """What keeps an expression from making a label, by the types of a schema; empty if nothing."""
    try:
        kind = parse(text).kind(kinds)
    except ConfigError as error:
        return error.message
    wanted = LABEL_TYPES[kind]
    if kinds.get(label, wanted[0]) in wanted:
        return ""
    return (
        f"derive {text!r} gives {ARTICLES[kind]}, but the schema says {kinds[label]} for the label "
        f"'{label}', expected {' or '.join(wanted)}"
    )


def _folded(operation: str, parts: Sequence[Node]) -> Node:
    return reduce(lambda one, other: Apply(operation, (one, other)), parts)


def _columns(node: Node) -> Iterator[str]:
    if isinstance(node, ColumnOf):
        yield node.name
    elif isinstance(node, Apply):
        for argument in node.arguments:
            yield from _columns(argument)


def _hint(text: str) -> str:
    """What to write in the place of another language's operator, if there is one."""
    bare = _QUOTED.sub("", text)
    found = next((hint for pattern, hint in _HINTS if re.search(pattern, bare)), "")
    if not found and "`" in bare:
        found = "a backquote stands before and behind a column's name"
    return f"; {found}" if found else ""


def _refused(text: str, reason: str) -> ConfigError:
    shown = text if len(text) <= 200 else f"{text[:197]}..."
    return ConfigError(f"derive {shown!r}: {reason}")
