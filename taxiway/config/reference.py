"""What each key of the config means, from the classes' own words: for people, editors and docs.

`python -m taxiway.config.reference FILE` writes the page of the documentation.
"""

from __future__ import annotations

import inspect
import json
import sys
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from taxiway.config.schema import Config
from taxiway.errors import ConfigError, did_you_mean

WIDTH: Final = 22
"""Of the first column on a terminal."""


@dataclass(frozen=True)
class Entry:
    """One key, or one section."""

    key: str
    """Dotted path; in a section with kinds, `push(kind: bucket)` stands for one of them."""
    type: str
    default: str
    """As YAML; empty where a value must be given."""
    text: str
    keys: tuple[str, ...] = field(default=())
    """Of a section: the keys in it."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def entries() -> Iterator[Entry]:
    """Every section and key, in the order of the classes."""
    yield from _section("", Config)


def explained(key: str) -> list[Entry]:
    """A key, or a section with all that is in it.

    Args:
      key: dotted path; empty means the list of sections.

    Raises:
      ConfigError: there is no such key.
    """
    known = list(entries())
    if not key:
        return [entry for entry in known if entry.keys and "." not in _plain(entry.key)]
    found = [one for one in known if f"{_plain(one.key)}.".startswith(f"{key}.")]
    if not found:
        names = sorted({_plain(one.key) for one in known})
        raise ConfigError(
            f"no key is named '{key}'{did_you_mean(key, names)}", edit="the command line"
        )
    return found


def lines(found: Sequence[Entry]) -> Iterator[str]:
    """Entries for a terminal."""
    for entry in found:
        if entry.keys:
            yield f"{entry.key}: {entry.text}"
            continue
        kind = f"{entry.type}, {'required' if not entry.default else f'default {entry.default}'}"
        yield f"  {entry.key}  ({kind})"
        if entry.text:
            yield f"      {entry.text}"


def markdown() -> str:
    """The page docs/reference/config.md."""
    parts = [
        "# Config reference",
        "",
        "Made from the docstrings of the config's classes by `make config-reference`; "
        "`taxiway config explain KEY` prints the same.",
        "`configs/base.yaml` gives every key its value, an overlay says what differs, "
        "and `--set key.path=value` wins over both.",
    ]
    for entry in entries():
        if entry.keys:
            parts += ["", f"## {entry.key}", "", entry.text, ""]
            parts += ["| key | type | default | |", "| --- | --- | --- | --- |"]
            continue
        cells = (f"`{entry.key}`", entry.type, entry.default and f"`{entry.default}`", entry.text)
        parts.append(f"| {' | '.join(_cell(one) for one in cells)} |".replace("  ", " "))
    return "\n".join(parts) + "\n"


def json_schema() -> dict[str, Any]:
    """JSON schema of an overlay: as of the whole config, but nothing is required in it."""
    schema = Config.model_json_schema()
    for part in (schema, *schema.get("$defs", {}).values()):
        part.pop("required", None)
    return schema


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _plain(key: str) -> str:
    return key.partition("(")[0]


def _section(path: str, model: type[BaseModel], kind: str = "") -> Iterator[Entry]:
    """A section, its own keys, then the sections in it."""
    inner: list[tuple[str, type[BaseModel], str]] = []
    own: list[Entry] = []
    for name, info in model.model_fields.items():
        if name == "kind":
            continue
        key = f"{path}.{name}" if path else name
        sections = list(_sections(info))
        if sections and not _is_collection(info.annotation):
            inner += [(key, one, chosen) for one, chosen in sections]
        else:
            own.append(Entry(key, _type(info), _default(info), _text(info.description)))
            inner += [(key, one, chosen) for one, chosen in sections]
    if path:
        title = f"{path}(kind: {kind})" if kind else path
        names = tuple(name for name in model.model_fields if name != "kind")
        yield Entry(title, "section", "", _text(inspect.getdoc(model)), names or ("kind",))
        yield from own
    for key, one, chosen in inner:
        yield from _section(key, one, chosen)


def _sections(info: FieldInfo) -> Iterator[tuple[type[BaseModel], str]]:
    for model in _models_in(info.annotation):
        field_ = model.model_fields.get("kind")
        kinds = get_args(field_.annotation) if field_ is not None else ()
        yield model, str(kinds[0]) if len(kinds) == 1 else ""


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models_in(inner)]


def _is_collection(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin in (typing.Annotated, Union, types.UnionType):
        return any(_is_collection(inner) for inner in get_args(annotation))
    return (
        origin in (tuple, list, dict)
        or origin is Mapping
        or (isinstance(origin, type) and issubclass(origin, Mapping))
    )


def _type(info: FieldInfo) -> str:
    """In YAML's words: text, whole number, number, true or false, a choice, a list."""
    return _words(info.annotation)


def _words(annotation: Any) -> str:
    plain = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    if annotation in plain:
        return plain[annotation]
    if annotation is type(None):
        return "null"
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is typing.Annotated:
        return _words(inner[0])
    if origin is typing.Literal:
        return ", ".join(map(str, inner)).join(("one of ", ""))
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_words(one) for one in inner))
    if origin in (tuple, list):
        return f"list of {_words(inner[0])}"
    if _is_collection(annotation):
        return f"mapping of text to {_words(inner[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    return "any value"


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return ""
    value = info.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return ""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return json.dumps(value, default=str)


def _text(words: str | None) -> str:
    return " ".join((words or "").split())


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(markdown(), encoding="utf-8")
