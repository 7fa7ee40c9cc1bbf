"""The code that a run used, in a git worktree: its commit, and what was changed since."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from taxiway.errors import TaxiwayError
from taxiway.process.git import ask_git
from taxiway.tracking.run_record.record import Code

PREFIX: Final = "taxiway-checkout-"


@contextmanager
def checkout(root: Path, code: Code) -> Iterator[Path]:
    """A project as a run had it, below the temporary folder; it goes with the block.

    Args:
      root: the top of the project, in a git repository.
      code: of the run's record.

    Yields:
      The top of the project there.

    Raises:
      TaxiwayError: the commit or the change since is not on record, or git does not have it.
    """
    _check(root, code)
    below = ask_git(root, "rev-parse", "--show-prefix") or ""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    place = folder / "code"
    try:
        _git(root, "worktree", "add", "--detach", str(place), code.commit)
        if code.diff:
            inside = [f"--directory={below}"] if below else []
            _git(place, "apply", "--whitespace=nowarn", *inside, "-", given=code.diff)
        yield place / below
    finally:
        ask_git(root, "worktree", "remove", "--force", str(place))
        shutil.rmtree(folder, ignore_errors=True)
        ask_git(root, "worktree", "prune")


def _check(root: Path, code: Code) -> None:
    edit = "--checkout; without it the code as it is now runs"
    if not code.commit:
        raise TaxiwayError("no commit is on record of this run: its code had no git", edit=edit)
    if code.diff_cut:
        raise TaxiwayError(
            f"the run's code had more uncommitted changes since {code.commit[:12]} than are kept, "
            "so it cannot be had again",
            edit=edit,
        )
    if ask_git(root, "cat-file", "-t", code.commit) != "commit":
        raise TaxiwayError(
            f"the commit {code.commit} of the run is not in the repository of {root}",
            edit="git fetch, or --checkout",
        )


def _git(place: Path, *arguments: str, given: str = "") -> None:
    try:
        done = subprocess.run(
            ["git", "-C", str(place), *arguments],
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise TaxiwayError(f"git cannot be run: {error}", edit="--checkout") from None
    if done.returncode:
        told = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise TaxiwayError(f"git {arguments[0]} failed: {told}", edit="--checkout")
