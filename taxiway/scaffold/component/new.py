"""`taxiway new component`: a component that works, wired, with its test, settings and docs line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from taxiway.errors import ConfigError
from taxiway.scaffold.component.files import read, write_all
from taxiway.scaffold.component.kinds import Component
from taxiway.scaffold.component.names import check_free
from taxiway.scaffold.component.shared import ARTIFACTS, lines_of
from taxiway.scaffold.component.wiring import Wired, wire


@dataclass(frozen=True)
class Changed:
    """A file that was there before."""

    path: str
    what: str
    """Was put there."""


@dataclass(frozen=True)
class Written:
    """What was done, and what is left to do."""

    component: str
    node: str
    """Its id in a pipeline."""
    kind: str
    created: tuple[str, ...]
    """Files, below the project."""
    changed: tuple[Changed, ...]
    wired: str
    """The pipeline's file and line; empty where the two lines below are still to be added."""
    import_line: str
    line: str
    """That makes the node."""
    placeless: tuple[Changed, ...]
    """Shared files that have no place for its line; it works without."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """For people: what there is now, and the next steps."""
        yield f"{self.node}, a {self.kind} component"
        for path in self.created:
            yield f"  created  {path}"
        for one in self.changed:
            yield f"  changed  {one.path}: {one.what}"
        for one in self.placeless:
            yield f"  no place  {one.path}: {one.what}; it works without"
        if self.wired:
            yield f"  {self.wired}: {self.line}"
        yield "next"
        if not self.wired:
            yield "  add to a pipeline, with what the node reads in place of its first argument:"
            yield f"    {self.import_line}"
            yield f"    {self.line}"
        yield f"  .venv/bin/pytest tests/components/test_{self.component}.py"
        yield f"  change components/{self.component}/ to what you need, then make run-local"
        yield f"  taxiway remove component {self.component} takes it all away again"


def new_component(root: Path, component: Component, pipeline: str, *, wired: bool) -> Written:
    """Writes a component into a project.

    Args:
      root: the project.
      component: its name and kind.
      pipeline: the file that wires it, below the project.
      wired: put it into that pipeline.

    Raises:
      ConfigError: the name cannot be used, or the pipeline has nothing of what the kind reads.
      TaxiwayError: a file cannot be written; nothing was changed then.
    """
    check_free(root, component)
    own = component.files()
    texts: dict[str, str | None] = {**own}
    changed: list[Changed] = []
    placeless: list[Changed] = []
    for line in lines_of(component):
        text = read(root / line.path)
        if text is None and line.path == ARTIFACTS:
            raise ConfigError(
                f"{root} is no project: it has no {ARTIFACTS}, where types of artifacts are",
                edit="the folder in which you call it",
            )
        added = line.add(text) if text is not None else None
        (placeless if added is None else changed).append(Changed(line.path, line.what))
        if added is not None:
            texts[line.path] = added
    call = component.named(component.kind.call)
    call, place = call.format(channel=component.kind.reads, config="config"), ""
    if wired:
        found = _wired(root, component, pipeline, call)
        texts[pipeline], call = found.text, found.statement.strip()
        place = f"{pipeline}:{found.line}"
        changed.append(Changed(pipeline, f"its import, and line {found.line}"))
    write_all(root, texts)
    return Written(
        component=component.name,
        node=component.class_name,
        kind=component.kind.words,
        created=tuple(own),
        changed=tuple(changed),
        wired=place,
        import_line=component.import_line,
        line=call,
        placeless=tuple(placeless),
    )


def _wired(root: Path, component: Component, pipeline: str, call: str) -> Wired:
    found = wire(read(root / pipeline) or "", component)
    if found is None:
        reads = component.kind.reads
        raise ConfigError(
            f"{pipeline} has no create_pipeline(config) with a line such as "
            f'`{reads} = node.outputs["{reads}"]`, which a component of the kind '
            f"{component.kind.words} reads",
            edit=f"--pipeline, or --no-wire, and add `{call}` yourself",
        )
    return found
