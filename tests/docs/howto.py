"""Reads how-tos as a careful reader would: the files they name, and each step's edits and commands.

A step's fenced blocks follow a line that says what to do with them:

    New file `path`:                       the block is the whole file
    At the end of `path`, add:             the block comes after what is there
    In `path`, replace / with:             the first block becomes the second
    In `path`, below / add:                the second block comes on the lines after the first

A block marked `sh` is typed into a shell in the repository's root, and must succeed; one marked
`text` is what that prints, shortened: each of its lines is in a line of the output, in this order,
and `...` stands for anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<info>[\w-]*)\n(?P<body>.*?)^(?P=indent)```$", re.M | re.S
)
STEP = re.compile(r"^(\d+)\. ", re.M)
NEW_FILE = re.compile(r"New file `([^`]+)`")
AT_THE_END = re.compile(r"At the end of `([^`]+)`, add")
REPLACE = re.compile(r"In `([^`]+)`, replace")
BELOW = re.compile(r"In `([^`]+)`, below")
FILE = re.compile(r"^- `([^`]+)`: \S", re.M)


class HowToError(Exception):
    """A page that cannot be followed."""


@dataclass(frozen=True)
class Edit:
    """A change of one file: `old` becomes `new`; without an `old` it is the end of the file."""

    path: str
    old: str
    new: str
    creates: bool = False

    def apply(self, root: Path) -> None:
        """Makes the change below a copy of the repository."""
        path = root / self.path
        if self.creates:
            if path.exists():
                raise HowToError(f"{self.path} is there already")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.new)
            return
        text = path.read_text()
        if not self.old:
            gap = "\n\n" if path.suffix == ".py" else "\n"
            path.write_text(text.rstrip("\n") + "\n" + gap + self.new)
            return
        found = f"\n{text}".count(f"\n{self.old}")
        if found != 1:
            raise HowToError(f"{self.path} has {found} times, expected once:\n{self.old}")
        path.write_text(f"\n{text}".replace(f"\n{self.old}", f"\n{self.new}")[1:])


@dataclass(frozen=True)
class Command:
    """What is typed, and the lines that it prints."""

    text: str
    prints: tuple[str, ...]

    def missing(self, output: str) -> list[str]:
        """The lines that the output does not have, in their order."""
        rest = iter(output.splitlines())
        return [line for line in self.prints if not any(_matches(line, given) for given in rest)]


@dataclass(frozen=True)
class HowTo:
    """One page."""

    files: tuple[str, ...]
    steps: int
    actions: tuple[Edit | Command, ...]

    @property
    def edits(self) -> list[Edit]:
        return [action for action in self.actions if isinstance(action, Edit)]

    @property
    def commands(self) -> list[Command]:
        return [action for action in self.actions if isinstance(action, Command)]


def read(page: Path) -> HowTo:
    """A page with the sections `Files` and `Steps`.

    Raises:
      HowToError: a block that no line introduces, or a page that does not end with a command.
    """
    text = page.read_text(encoding="utf-8")
    files, steps = _section(text, "Files"), _section(text, "Steps")
    numbers = [int(number) for number in STEP.findall(steps)]
    if numbers != list(range(1, len(numbers) + 1)):
        raise HowToError(f"{page.name}: steps are numbered {numbers}")
    actions = tuple(_actions(steps))
    if not actions or not isinstance(actions[-1], Command) or not actions[-1].prints:
        raise HowToError(f"{page.name} does not end with a command and what it prints")
    return HowTo(tuple(FILE.findall(files)), len(numbers), actions)


def _section(text: str, name: str) -> str:
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    if not found:
        raise HowToError(f"no section '{name}'")
    return found[1]


def _actions(steps: str) -> Iterator[Edit | Command]:
    blocks: list[tuple[str, str, str]] = []
    end = 0
    for match in FENCE.finditer(steps):
        lead = steps[end : match.start()].strip().rpartition("\n\n")[2]
        body = re.sub(rf"^{match['indent']}", "", match["body"], flags=re.M)
        blocks.append((lead, match["info"], body))
        end = match.end()
    rest = iter(blocks)
    pending = next(rest, None)
    while pending:
        lead, info, body = pending
        pending = next(rest, None)
        if info == "sh":
            prints: tuple[str, ...] = ()
            if pending and pending[1] == "text":
                prints = tuple(filter(str.strip, pending[2].splitlines()))
                pending = next(rest, None)
            yield Command(body, prints)
        elif new := NEW_FILE.search(lead):
            yield Edit(new[1], "", body, creates=True)
        elif end_of := AT_THE_END.search(lead):
            yield Edit(end_of[1], "", body)
        elif pending and (replaced := REPLACE.search(lead)):
            yield Edit(replaced[1], body, pending[2])
            pending = next(rest, None)
        elif pending and (above := BELOW.search(lead)):
            yield Edit(above[1], body, body + pending[2])
            pending = next(rest, None)
        else:
            raise HowToError(f"no line says what to do with this block:\n{body}")


def _matches(line: str, given: str) -> bool:
    parts = [re.escape(" ".join(part.split())) for part in line.split("...")]
    return bool(re.search(".*".join(parts), " ".join(given.split())))
