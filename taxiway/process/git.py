"""What git says of a project: one question each, bounded in time and in length."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Final

LONGEST_SECONDS: Final = 5.0
"""That one question to git may take, as of a working tree on a slow network."""
DIFF_BYTES: Final = 256 * 1024
"""Of uncommitted changes that are kept; a longer diff is cut behind its last whole line."""
MOST_NEW_FILES: Final = 100
"""That git does not know yet, and that are looked into one by one."""
_DIFFERS: Final = 1
"""The exit code of `git diff --no-index` for two files that differ."""
_DIFF: Final = ("diff", "--no-color", "--no-ext-diff", "--no-textconv", "--binary")


def ask_git(place: Path, *arguments: str) -> str | None:
    """What git answers; None where it does not, or in too long a time."""
    answer = _run(place, arguments)
    return None if answer is None else answer.strip()


def uncommitted(place: Path, used: tuple[str, ...]) -> tuple[str, bool]:
    """The changes since the commit, as `git apply` takes them.

    Files that git ignores are never among them; those that it does not know yet are.

    Args:
      place: the top of a project.
      used: files and folders in it that count.

    Returns:
      A unified diff, empty where nothing differs or git does not answer; and whether it was cut,
      for its length or since a part of it could not be had.
    """
    tracked = _run(place, (*_DIFF, "--relative", "HEAD", "--", *used))
    listed = _run(place, ("ls-files", "-z", "--others", "--exclude-standard", "--", *used))
    cut = tracked is None or listed is None
    diff = tracked or ""
    new = sorted(name for name in (listed or "").split("\0") if name)
    for name in new[:MOST_NEW_FILES]:
        if len(diff) > DIFF_BYTES:
            break
        path = place / name
        if path.is_file() and path.stat().st_size <= DIFF_BYTES:
            made = _run(place, (*_DIFF, "--no-index", "--", os.devnull, name), (0, _DIFFERS))
            diff, cut = diff + (made or ""), cut or made is None
        else:
            cut = True
    return _bounded(diff, cut or len(new) > MOST_NEW_FILES)


def committed(place: Path, commit: str, path: str) -> str | None:
    """A file's text as a commit has it; None where it has none, or git does not answer.

    Args:
      place: the top of a project.
      commit: its whole name, or its first characters.
      path: of the file, in the project.
    """
    return _run(place, ("show", f"{commit}:./{path}"))


def _bounded(diff: str, cut: bool) -> tuple[str, bool]:
    if len(diff.encode()) <= DIFF_BYTES:
        return diff, cut
    kept = diff.encode()[:DIFF_BYTES].decode(errors="ignore")
    return kept[: kept.rfind("\n") + 1], True


def _run(place: Path, arguments: tuple[str, ...], expected: tuple[int, ...] = (0,)) -> str | None:
    """Standard output of git, as far as it can be of use; None where git fails or takes too long.

    It goes through a file: a change of gigabytes must not be held in memory.
    """
    # A hook's GIT_DIR would have git look elsewhere; and to look must not lock.
    environment = {key: one for key, one in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"GIT_OPTIONAL_LOCKS": "0"}
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false"]
    try:
        with tempfile.TemporaryFile() as out:
            done = subprocess.run(
                [*command, "-C", str(place), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.DEVNULL,
                env=environment,
                timeout=LONGEST_SECONDS,
                check=False,
            )
            out.seek(0)
            answer = out.read(4 * DIFF_BYTES).decode(errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer if done.returncode in expected else None
