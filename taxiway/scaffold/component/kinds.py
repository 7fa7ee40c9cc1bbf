"""The kinds of component that can be begun from, and what each one is when it is written.

A template is the text of a component that works, named `my_component` and `MyComponent`; to write
it is to put other names there. Names have at most LONGEST characters, so that what wires one stays
one line, no other gets longer than a line of code may be, and ruff finds nothing to change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Final

LONGEST: Final = 22
"""Characters of a component's name."""
_NAME: Final = "my_component"
_CLASS: Final = "MyComponent"
_TEST: Final = "test.py"


@dataclass(frozen=True)
class Kind:
    """One of TFX's three kinds of custom component, by the one that is copied."""

    words: str
    """What it is called."""
    reads: str
    """The output of an earlier node that it reads: statistics, examples or model."""
    call: str
    """What wires it; `{channel}` is what it reads, and `{config}` the pipeline's config."""
    factory: str
    """What the pipeline imports: the class, or a function that makes it."""
    files: tuple[str, ...]
    """In its folder."""
    settings: str
    """Its entry in the config, and what that means."""
    output: str
    """What its artifact holds."""
    does: str
    """In a few words."""

    def template(self, file: str) -> str:
        """The text of a file, as it stands beside this module."""
        (folder,) = (name for name, kind in KINDS.items() if kind is self)
        place = resources.files(__package__) / "templates" / folder / f"{file}.txt"
        return place.read_text(encoding="utf-8")


_CODE: Final = ("__init__.py", "settings.py", "logic.py", "component.py")
_CONFIG: Final = '{config}.settings("my_component")'
KINDS: Final[Mapping[str, Kind]] = {
    "function": Kind(
        words="Python-function",
        reads="statistics",
        call=f"MyComponent(statistics={{channel}}, config={_CONFIG})",
        factory=_CLASS,
        files=_CODE,
        settings="{above: 0.05} # share of a split's rows without a value",
        output="`missing.json`: columns that miss many values, by split.",
        does="notes the columns that miss many of their values, in each split",
    ),
    "container": Kind(
        words="container",
        reads="model",
        call="my_component({config})(model={channel})",
        factory=_NAME,
        files=tuple(file for file in _CODE if file != "logic.py"),
        settings="{limit_mb: 500} # larger models fail the run",
        output="`kilobytes`: how much room a SavedModel takes.",
        does="measures the exported model, and fails where it is too large",
    ),
    "custom": Kind(
        words="fully custom",
        reads="examples",
        call=f"MyComponent(examples={{channel}}, config={_CONFIG})",
        factory=_CLASS,
        files=_CODE,
        settings="{rows: 20} # of the eval split",
        output="`sample.json`: the first rows of the eval split, readable.",
        does="writes the first rows of the eval split as JSON",
    ),
}


@dataclass(frozen=True)
class Component:
    """A component by its name, as `taxiway new component` writes it."""

    name: str
    kind: Kind

    @property
    def class_name(self) -> str:
        """Such as `LabelBalance` of `label_balance`; also the id of its node."""
        return class_name(self.name)

    @property
    def folder(self) -> str:
        """Of its code, below the project."""
        return f"components/{self.name}"

    @property
    def test(self) -> str:
        """Its test, below the project."""
        return f"tests/components/test_{self.name}.py"

    @property
    def import_line(self) -> str:
        """What the pipeline imports."""
        return f"from components.{self.name}.component import {self.named(self.kind.factory)}"

    def files(self) -> dict[str, str]:
        """The text of each file of its own, by its path below the project."""
        own = {f"{self.folder}/{file}": self._text(file) for file in self.kind.files}
        return {**own, self.test: self._text(_TEST)}

    def named(self, text: str) -> str:
        """A text of the template with this component's names in it."""
        return text.replace(_NAME, self.name).replace(_CLASS, self.class_name)

    def _text(self, file: str) -> str:
        return self.named(self.kind.template(file))


def class_name(name: str) -> str:
    """Such as `LabelBalance` of `label_balance`."""
    return "".join(part.capitalize() for part in name.split("_"))
