"""All files of a model as text, by their paths in the project."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from taxiway.config.evaluation import Evaluation
from taxiway.config.model import Hyperparameters
from taxiway.scaffold.model.columns.profile import Profile
from taxiway.scaffold.model.data.place import Placed
from taxiway.scaffold.model.data.table import Data
from taxiway.scaffold.model.plan.plan import Plan
from taxiway.scaffold.model.plan.roles import quoted
from taxiway.scaffold.model.writing.features import features_py
from taxiway.scaffold.model.writing.mock import mock_lines
from taxiway.scaffold.model.writing.python import WIDTH, cut
from taxiway.scaffold.model.writing.schema import schema_pbtxt
from taxiway.section import Frozen
from taxiway.terminal import one_line

TEMPLATES: Final = Path(__file__).with_name("templates")
EVAL_FRACTION: Final = 0.2
EVAL_FRACTION_OF_FEW: Final = 0.3
FEW_ROWS: Final = 1_000


@dataclass(frozen=True)
class Names:
    """One name in the forms that files, modules and configs want."""

    given: str

    @property
    def module(self) -> str:
        """Of the folder below models/."""
        return self.given.replace("-", "_")

    @property
    def name(self) -> str:
        """Of the pipeline, the data set and the model."""
        return self.given.replace("_", "-")


@dataclass(frozen=True)
class Found:
    """All that is known once the data was looked at and brought to its place."""

    names: Names
    data: Data
    columns: tuple[Profile, ...]
    """Those of the data as the pipeline reads it."""
    plan: Plan
    placed: Placed
    repairs: tuple[str, ...]
    null_words: tuple[str, ...]
    base: Mapping[str, Any]
    """What base.yaml says: values made for another model do not go on to this one."""

    @property
    def rows(self) -> int:
        """Of all files."""
        return self.columns[0].rows

    @property
    def eval_fraction(self) -> float:
        """Share of rows to judge by; more where there are few."""
        return EVAL_FRACTION if self.rows >= FEW_ROWS else EVAL_FRACTION_OF_FEW

    @property
    def question(self) -> str:
        """What the model answers, in one sentence for its docstring."""
        label = self.plan.label
        name = one_line(label.column.name).replace('"', "'").replace("\\", "/")
        asked = {
            "binary": f"Is {name} {label.positive if label.positive is not None else 1}?",
            "multiclass": f"Which {name} is it?",
            "regression": f"What is {name}?",
        }[label.task]
        return cut(one_line(asked).replace('"', "'").replace("\\", "/"), WIDTH - 8)


def render(found: Found) -> Mapping[str, str]:
    """Each file's text by its path from the project's root."""
    names = found.names
    source = one_line(found.data.given.place.name)
    lines, used = mock_lines(found.plan, found.columns)
    shared: dict[str, Any] = {
        "name": names.name,
        "module": names.module,
        "config": names.given,
        "source": source,
        "question": found.question,
        "derived": bool(found.plan.derive),
    }
    mock = shared | {
        "classes": ", ".join(sorted({*used, "Values", "mock_rows"}, key=_as_imported)),
        "lines": "\n".join(lines),
        "label": "None" if found.plan.derive else quoted(found.plan.label.column.name),
    }
    folder, tests = f"models/{names.module}", f"tests/models/{names.module}"
    return {
        f"{folder}/__init__.py": _fill("__init__.py", shared),
        f"{folder}/features.py": features_py(found.plan, source),
        f"{folder}/schema.pbtxt": schema_pbtxt(found.plan, found.columns, found.eval_fraction),
        f"{folder}/mock.py": _fill("mock.py", mock),
        f"{folder}/README.md": _fill("README.md", shared | _page(found)),
        f"{tests}/test_features.py": _fill("test_features.py", shared),
        f"configs/{names.given}.yaml": _fill("config.yaml", shared | _config(found)),
    }


def _as_imported(name: str) -> tuple[bool, str]:
    """Classes before functions, as the linter sorts."""
    return name.islower(), name


def _fill(template: str, values: Mapping[str, Any]) -> str:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # Python, YAML and Markdown, escaped where they are made
    )
    return environment.get_template(f"{template}.j2").render(values)


def _config(found: Found) -> dict[str, Any]:
    """What the YAML says of the data."""
    placed, parts, dialect = found.placed, found.data.parts, found.data.form.dialect
    csv = {
        "delimiter": dialect.delimiter if dialect.delimiter != "," else None,
        "quote": dialect.quote if dialect.quote != '"' else None,
        "escape": dialect.escape or None,
        "null_words": list(found.null_words) or None,
    }
    told = {key: value for key, value in csv.items() if value is not None}
    spans = len(found.data.given.spans)
    by_time = spans > 1
    broken = next((part for part in parts if part.broken), None)
    is_csv = placed.format == "csv"
    return {
        "format": placed.format,
        "csv": json.dumps(told, ensure_ascii=False) if is_csv and told else "",
        "root": json.dumps(str(placed.root), ensure_ascii=False) if placed.root else "",
        "where": "where root says"
        if placed.root
        else "in var/data; a new span-N beside it is read",
        # Not `newest`, which is the same for one: Kubeflow's form has a window's end and length.
        "spans": f"{{kind: window, length: {max(spans, 1)}}}",
        "split": "{kind: time} # the newest span judges"
        if by_time
        else f"{{kind: hash, eval_fraction: {found.eval_fraction}}}",
        "broken": cut(one_line(broken.first_broken), 70) if broken and is_csv else "",
        "hyperparameters": _flow(_reset(found.base, "model", "hyperparameters"), "auto"),
        "evaluation": _reset(found.base, "evaluation"),
        "slices": json.dumps([[name] for name in found.plan.slices], ensure_ascii=False),
    }


_SECTIONS: Final[Mapping[str, type[Frozen]]] = {
    "hyperparameters": Hyperparameters,
    "evaluation": Evaluation,
}


def _reset(base: Mapping[str, Any], *path: str) -> list[str]:
    """Keys that base.yaml sets, and whose default is to be what suits the model."""
    fields = _SECTIONS[path[-1]].model_fields
    section: Any = base
    for name in path:
        section = section.get(name) if isinstance(section, Mapping) else None
    given = section if isinstance(section, Mapping) else {}
    return [key for key in given if key in fields and fields[key].default in ("auto", None)]


def _flow(keys: Sequence[str], value: str) -> str:
    return f"{{{', '.join(f'{key}: {value}' for key in keys)}}}" if keys else ""


def _page(found: Found) -> dict[str, Any]:
    """What the README says."""
    return {
        "rows": f"{found.rows:,}",
        "table": "\n".join(_table(found.plan)),
        "notes": [_cell(note) for note in (*found.plan.notes, *found.repairs)],
        "data": _data_text(found),
    }


def _table(plan: Plan) -> Sequence[str]:
    label = plan.label
    rows = [(label.column.name, f"label, {label.task}", f"{label.reason}; {label.task_reason}")]
    if plan.key is not None:
        rows.append((plan.key.name, "key", plan.key_reason))
    if plan.weight is not None:
        rows.append((plan.weight.name, "weight", "as --weight says"))
    rows += [(role.column.name, role.call.head, role.reason) for role in plan.roles]
    rows += [(one.column.name, "left out", one.reason) for one in plan.left_out]
    return [f"| {' | '.join(map(_cell, row))} |" for row in rows]


def _cell(text: str) -> str:
    """Text in a table of Markdown: nothing in it is a mark."""
    escaped = one_line(text)
    for mark in "\\|`*_<[":
        escaped = escaped.replace(mark, f"\\{mark}" if mark != "<" else "&lt;")
    return escaped


def _data_text(found: Found) -> str:
    name = found.names.name
    if found.placed.root:
        return (
            "The spans stay where they were found (`data.root` of the config). A new span-N beside "
            "them is read in the next run."
        )
    below = f"`<output.root>/data/{name}/span-N/`"
    if found.placed.is_rewritten:
        return (
            f"Copied to {below} as Parquet, because the pipeline does not read the files as they "
            "are (see above). A later file goes through `taxiway new model` under another name, or "
            "through an `export` function in this folder, and into a span of its own."
        )
    return (
        f"Copied to {below} as it is. A later file of the same form goes into span-2, span-3, and "
        "so on; with two or more, `data.spans` can be a window and `data.split` by time."
    )
