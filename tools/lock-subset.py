"""Prints those entries of a hashed lock that a list of pins names, or with --rest all others.

So that an image holds only what runs, while one lock stays the only place with versions:
`uv pip compile --constraint requirements.lock pyproject.toml` lists what is needed without the
development group, and this script takes the hashes of exactly that from the lock.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path


def pin(line: str) -> str:
    """`Name==1.0 ; marker \\` as `name==1.0`."""
    return re.split(r"[;\\]", line, maxsplit=1)[0].strip().lower()


def entries(text: str) -> list[str]:
    """Each pin of a lock with its hashes; comments are left out."""
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return re.split(r"\n(?=\S)", "\n".join(lines))


def subset(lock: str, pins: str, *, rest: bool = False) -> str:
    """The lock's entries that are among the pins, or those that are not.

    Raises:
      ValueError: a pin is not in the lock, so nothing vouches for it.
    """
    found = entries(lock)
    named = {pin(entry) for entry in entries(pins)}
    unknown = named - {pin(entry) for entry in found}
    if unknown:
        raise ValueError(f"not in the lock: {', '.join(sorted(unknown))}; renew it: make lock")
    return "".join(f"{entry}\n" for entry in found if (pin(entry) in named) != rest)


def main() -> None:
    """Reads two files and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lock", type=Path)
    parser.add_argument("pins", type=Path)
    parser.add_argument("--rest", action="store_true")
    given = parser.parse_args()
    try:
        sys.stdout.write(subset(given.lock.read_text(), given.pins.read_text(), rest=given.rest))
    except ValueError as error:
        sys.exit(f"lock-subset: {error}")


if __name__ == "__main__":
    main()
