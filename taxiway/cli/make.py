"""What make hands over: `python -m taxiway.cli.make COMMAND ...` with CONFIG and SET as typed.

A recipe would have to take them apart, and the shell would then read blanks, quotes, backquotes and
`$` of their values. So they come whole, in the environment, and are taken apart here.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

BASE: Final = "BASE_CONFIG"
"""An overlay in the place of `local`, as Kubeflow's targets have one."""
DEFAULT: Final = "local"
_KEY: Final = re.compile(r"[A-Za-z_][\w.\[\]-]*=")


def arguments(argv: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The command line of `taxiway`, from make's.

    Args:
      argv: the command and its own options.
      environment: CONFIG, SET, and perhaps BASE_CONFIG and IMAGE.
    """
    files = overlays(environment.get("CONFIG", ""))
    if environment.get(BASE):
        files = [environment[BASE], *(file for file in files if file != DEFAULT)]
    sets = assignments(environment.get("SET", ""))
    if environment.get("IMAGE"):
        sets.append(f"kubeflow.image={environment['IMAGE']}")
    given = [part for file in files for part in ("--config", file)]
    return [*argv, *given, *(part for one in sets for part in ("--set", one))]


def overlays(text: str) -> list[str]:
    """The files of `CONFIG="local mine.yaml"`; a name with blanks is quoted, or stands alone."""
    if Path(text.strip()).is_file():
        return [text.strip()]
    try:
        return shlex.split(text)
    except ValueError:  # an apostrophe in a name
        return text.split()


def assignments(text: str) -> list[str]:
    """The assignments of `SET="key.path=value ..."`: each begins at a word with a `=`.

    So values may have blanks, as paths and lists do; what looks like a key within quotes or
    brackets is part of a value.
    """
    starts = [0]
    depth, quote, opens = 0, "", True
    for index, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
            continue
        if character in "'\"" and opens:
            quote = character
        elif not depth and text[index - 1 : index].isspace() and _KEY.match(text, index):
            starts.append(index)
        depth += (character in "[{") - (character in "]}" and depth > 0)
        opens = character in "=[{,:" or (opens and character.isspace())
    parts = (text[one:other] for one, other in zip(starts, [*starts[1:], len(text)], strict=True))
    return [part.strip() for part in parts if part.strip()]


def main() -> None:
    """Runs `taxiway` with what make was given."""
    sys.argv = ["taxiway", *arguments(sys.argv[1:], os.environ)]
    from taxiway.cli.main import main as taxiway

    taxiway()


if __name__ == "__main__":
    main()
