"""Where a run reads and writes, as far as the config leaves it open."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any, Final

from taxiway.errors import ConfigError

_MODULE: Final = re.compile(r"[\w.]{1,200}")


def model_folder(module: str) -> Path:
    """The folder of a model package, found without importing it; a relative guess where it is not.

    A module that cannot be found is reported by the loader, which can name the key.
    """
    if not _MODULE.fullmatch(module):
        return Path("models")
    try:
        spec = importlib.util.find_spec(module)
    except Exception:  # of the package above it, which is imported for that
        spec = None
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else Path(*module.split("."))


def _absolute(root: str) -> str:
    if "://" in root:
        return root
    try:
        return str(Path(root).expanduser().absolute())
    except RuntimeError:
        reason = f"there is no user {Path(root).parts[0]}"
    except OSError as error:
        reason = f"the current folder cannot be used: {error.strerror}"
    raise ConfigError(f"output.root is {root}, but {reason}", edit="output.root")


def with_places(raw: dict[str, Any]) -> dict[str, Any]:
    """A raw config with every place written out: absolute, and below output.root unless given.

    Sections of a wrong type are left for pydantic to refuse.
    """

    def text(section: str, key: str, default: str) -> str:
        part = raw.get(section)
        value = part.get(key) if isinstance(part, dict) else None
        return value if isinstance(value, str) and value else default

    root = _absolute(text("output", "root", "var"))
    dataset = text("data", "dataset", "dataset")
    module = text("model", "module", "models")
    folder = model_folder(module)
    model = text("model", "name", "model")
    serving = f"{root}/serving/{model}"
    destination = text("push", "destination", serving)
    filled: dict[str, tuple[tuple[str, str], ...]] = {
        "output": (("root", root),),
        "data": (
            ("root", f"{root}/data/{dataset}"),
            ("pattern", f"span-{{SPAN}}/*.{text('data', 'format', 'parquet')}"),
            ("schema_file", str(folder / "schema.pbtxt")),
        ),
        "push": (
            ("kind", "bucket" if "://" in destination else "filesystem"),
            ("destination", destination),
        ),
    }
    out = dict(raw)
    for section, defaults in filled.items():
        part = {} if out.get(section) is None else out[section]
        if isinstance(part, dict):
            given = {key: value for key, value in part.items() if value != ""}
            out[section] = dict(defaults) | given
    if isinstance(out["output"], dict) and isinstance(out["output"]["root"], str):
        out["output"] = out["output"] | {"root": root}
    metadata = {} if out.get("metadata") is None else out["metadata"]
    if isinstance(metadata, dict) and metadata.get("kind", "sqlite") == "sqlite":
        given = {key: value for key, value in metadata.items() if value != ""}
        out["metadata"] = {"kind": "sqlite", "path": f"{root}/metadata.sqlite"} | given
    registry = {} if out.get("registry") is None else out["registry"]
    if isinstance(registry, dict):
        given = {key: value for key, value in registry.items() if value != ""}
        kind = given.get("kind", "sqlite")
        path = {"path": f"{root}/registry.sqlite"} if kind == "sqlite" else {}
        store = {"store": f"{root}/models/{model}"}
        guarded = destination if "://" in destination else str(Path(destination).absolute())
        out["registry"] = {"kind": kind} | path | store | given | {"guards": guarded}
    serving_section = {} if out.get("serving") is None else out["serving"]
    if isinstance(serving_section, dict):
        log = {} if serving_section.get("log") is None else serving_section["log"]
        if isinstance(log, dict):
            given = {key: value for key, value in log.items() if value != ""}
            log = {"root": f"{root}/decisions"} | given
        out["serving"] = serving_section | {"log": log}
    notify = out.get("notify")
    if isinstance(notify, dict) and notify.get("kind") == "file" and not notify.get("path"):
        out["notify"] = dict(notify) | {"path": f"{root}/notifications.jsonl"}
    return out
