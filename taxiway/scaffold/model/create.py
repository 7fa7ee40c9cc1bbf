"""The way from a data set to a model's folder: look, decide, bring the data, write the files."""

from __future__ import annotations

import keyword
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from taxiway.config.layers import read as read_layer
from taxiway.errors import ConfigError
from taxiway.scaffold.model.columns.arrays import Convert, readable
from taxiway.scaffold.model.columns.derived import derived_label, made_of
from taxiway.scaffold.model.columns.look import look, null_words_of
from taxiway.scaffold.model.columns.profile import Profile
from taxiway.scaffold.model.data.files import find_files
from taxiway.scaffold.model.data.place import Rewrite, clash, place
from taxiway.scaffold.model.data.table import Data, read
from taxiway.scaffold.model.plan.plan import Plan, Wishes, make_plan
from taxiway.scaffold.model.writing.render import Found, Names, render

_NAME: Final = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_LONGEST: Final = 50
_ARROW: Final = {"INT": pa.int64(), "FLOAT": pa.float64(), "BYTES": pa.string()}


@dataclass(frozen=True)
class Created:
    """What was made."""

    found: Found
    written: tuple[str, ...]
    """Paths from the project's root."""


def create_model(root: Path, name: str, data: Path, wishes: Wishes) -> Created:
    """Writes the folder, the tests and the config of a model; all of them or nothing.

    Args:
      root: of the project.
      name: of the model.
      data: a file, a folder of files, or a folder of span-N folders.
      wishes: what the user decides.

    Raises:
      ConfigError: the name cannot be one or is taken, or an option does not fit the data.
      DataError: nothing can be learned from the data as it is.
    """
    names = check_name(root, name)
    base = _base(root)
    folder = _data_folder(root, base) / names.name
    looked = _look(read(find_files(data)), wishes)
    if (looked.rewrite or not looked.data.given.is_laid_out) and clash(folder):
        raise ConfigError(
            f"{folder} has data already: {clash(folder)[0].name}",
            edit=f"{folder}: move it away, or take another name",
        )
    try:
        placed = place(looked.data, folder, names.given, looked.rewrite)
        found = Found(
            names=names,
            data=looked.data,
            columns=looked.kept,
            plan=looked.plan,
            placed=placed,
            repairs=looked.repairs,
            null_words=looked.null_words,
            base=base,
        )
        files = render(found)
    except BaseException:
        if folder.is_dir() and not looked.data.given.is_laid_out:
            shutil.rmtree(folder)
        raise
    package = "models/__init__.py"
    if not (root / package).exists():  # else a package of this name elsewhere would be taken
        files = {package: '"""The project\'s models, one folder each."""\n', **files}
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
    return Created(found, tuple(files))


def check_name(root: Path, name: str) -> Names:
    """A name that is free in the project.

    Raises:
      ConfigError: it is taken, or no name for a folder, a module and a pipeline.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST or keyword.iskeyword(name):
        near = "-".join(re.findall("[a-z0-9]+", name.lower())).lstrip("0123456789-")
        hint = f"; did you mean '{near}'?" if _NAME.fullmatch(near) and near != name else ""
        raise ConfigError(
            f"a model's name is small letters and digits, words joined by - or _, such as "
            f"house-prices, got '{name}'{hint}",
            edit="NAME",
        )
    names = Names(name)
    for taken in (f"models/{names.module}", f"configs/{name}.yaml", f"tests/models/{names.module}"):
        if (root / taken).exists():
            raise ConfigError(f"{taken} is there already", edit="NAME, or remove it")
    return names


@dataclass(frozen=True)
class _Looked:
    data: Data
    plan: Plan
    kept: tuple[Profile, ...]
    rewrite: Rewrite | None
    repairs: tuple[str, ...]
    null_words: tuple[str, ...]


def _look(data: Data, wishes: Wishes) -> _Looked:
    """Every column's profile, the plan, and what has to be written anew."""
    is_csv = data.given.format == "csv"
    table = data.table
    null_words = null_words_of(table) if is_csv else ()
    profiles: list[Profile] = []
    converts: dict[str, Convert] = {}
    arrays: dict[str, Any] = {}
    for index, name in enumerate(table.schema.names):
        profile, convert = look(name, table.column(index), null_words, is_csv)
        profiles.append(profile)
        if convert is not None:
            converts[name] = convert
    null_words = tuple(
        dict.fromkeys([*null_words, *(w for one in profiles for w in one.null_words)])
    )
    for index, profile in enumerate(profiles):
        into = _ARROW[profile.kind]
        values = table.column(index).combine_chunks()
        arrays[profile.name] = (
            values
            if profile.what in ("list", "other", "empty")
            else readable(values, converts.get(profile.name), null_words, into)
        )
    label: list[Profile] = []
    if wishes.derive:
        made, values = derived_label(wishes.label, wishes.derive, profiles, arrays)
        label, arrays = [made], {**arrays, made.name: values}
    plan = make_plan([*profiles, *label], arrays, wishes)
    rewrite, repairs = _rewrite(data, plan, profiles, converts, null_words)
    dropped = rewrite.dropped if rewrite else ()
    kept = tuple(one for one in (*profiles, *label) if one.name not in dropped)
    return _Looked(data, plan, kept, rewrite, repairs, null_words)


def _rewrite(
    data: Data,
    plan: Plan,
    profiles: Sequence[Profile],
    converts: Mapping[str, Convert],
    null_words: tuple[str, ...],
) -> tuple[Rewrite | None, tuple[str, ...]]:
    """How a copy has to differ from the files, and why; None where it need not."""
    unread = tuple(one.column.name for one in plan.left_out if not one.in_data)
    # In CSV a column that is not used need not be read; in Parquet its type must still be known.
    unused = {one.column.name for one in plan.left_out if not one.column.type_found}
    unused -= set(made_of(plan.derive))
    needed = {name: convert for name, convert in converts.items() if name not in unused}
    repairs = list(data.repairs)
    repairs += [
        f"'{name}' is no type that can be read, and is left out of the copy" for name in unread
    ]
    repairs += [f"'{one.name}': {one.repair}" for one in profiles if one.name in needed]
    asked = plan.key is not None and plan.key.type_found and plan.key.what == "int"
    if asked and plan.key is not None:
        repairs.append(f"'{plan.key.name}': a key is text")
    if not repairs:
        return None, ()
    key = plan.key.name if plan.key is not None else ""
    types = {
        one.name: _ARROW[plan.kind_of(one)]
        if not one.type_found or one.name == key or one.name in needed
        else None
        for one in profiles
        if one.name not in unread
    }
    return Rewrite(unread, needed, types, null_words), tuple(repairs)


def _base(root: Path) -> Mapping[str, Any]:
    path = root / "configs" / "base.yaml"
    return read_layer(path) if path.is_file() else {}


def _data_folder(root: Path, base: Mapping[str, Any]) -> Path:
    """Where the project keeps its data sets: `output.root` of base.yaml."""
    output = base.get("output")
    place = output.get("root", "var") if isinstance(output, dict) else "var"
    if "://" in str(place):
        raise ConfigError(
            f"output.root is {place}, but `taxiway new model` copies to a local folder only",
            edit="configs/base.yaml: output.root",
        )
    return root / str(place) / "data"
