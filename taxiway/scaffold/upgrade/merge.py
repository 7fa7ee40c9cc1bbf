"""Takes what changed between two folders into a git repository, by git's own three-way merge.

The two folders become two commits that no branch has, the later one a child of the earlier. Picking
the later one merges it with what is committed, over the earlier one as their base. Nothing is
committed by that: the result is in the index and the working tree, to be looked at.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from taxiway.errors import ConfigError, TaxiwayError

_IDENTITY: Final = ("-c", "user.name=taxiway", "-c", "user.email=taxiway@localhost")
_PICK: Final = ("-c", "merge.directoryRenames=false", "cherry-pick", "--no-commit")
"""What a project added to a folder stays there, though the template's files move elsewhere."""
_BASE, _OURS, _THEIRS = 1, 2, 3
"""The stages at which git's index keeps the sides of a conflict."""


@dataclass(frozen=True)
class Merged:
    """Paths below the project, by what the merge did."""

    changed: tuple[str, ...] = ()
    """Now as the template has them, or merged without a conflict."""
    conflicts: tuple[str, ...] = ()
    """Changed on both sides: with git's marks, or, if they are no text, as the project had them."""
    kept_deleted: tuple[str, ...] = ()
    """Deleted by the project, changed by the template."""
    kept: tuple[str, ...] = ()
    """Changed by the project, deleted by the template."""


class Repository:
    """The git repository that a project is in; its root may be above the project.

    Args:
      project: a folder in it.

    Raises:
      ConfigError: git is not installed, or there is no commit to merge with.
    """

    def __init__(self, project: Path) -> None:
        self._project = project
        try:
            self._git("rev-parse", "--verify", "HEAD")
        except FileNotFoundError:
            raise ConfigError("git is not installed", edit="install git") from None
        except TaxiwayError:
            raise ConfigError(
                f"{project} is in no git repository with a commit, which an upgrade is merged into",
                edit="git init && git add --all && git commit",
            ) from None

    def require_clean(self) -> None:
        """Refuses changes that a merge would be mixed with.

        Raises:
          ConfigError: something is not committed; files that git does not know do not count.
        """
        changes = self._git("status", "--porcelain", "--untracked-files=no").splitlines()
        if changes:
            more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
            raise ConfigError(
                f"the git tree is not clean ({changes[0][3:]}{more}); expected that all is "
                "committed, so that what an upgrade changes can be seen and undone",
                edit="git commit, or git stash",
            )

    def merge(self, base: Path, new: Path, message: str) -> Merged:
        """Merges the change from one folder to another into the project.

        Args:
          base: what the project was made of.
          new: what it would be made of now.
          message: for the commit that the user makes of the result.

        Raises:
          ConfigError: a file that git does not know is in the way.
          TaxiwayError: git cannot do it; nothing has changed.
        """
        commit = self._commit(new, message, self._commit(base, "The template of the project"))
        self._require_free(commit)
        done = self._run(*_IDENTITY, *_PICK, commit)
        conflicts = self._unmerged()
        if done.returncode != 0 and not conflicts:
            raise TaxiwayError(f"git cannot merge the template: {done.stderr.strip()}")
        kept_deleted = [path for path, stages in conflicts.items() if stages == {_BASE, _THEIRS}]
        kept = [path for path, stages in conflicts.items() if stages == {_BASE, _OURS}]
        if kept_deleted:
            self._git("rm", "--quiet", "--force", "--", *kept_deleted)
        self.add(*kept)
        marked = sorted(set(conflicts) - {*kept_deleted, *kept})
        staged = self._names("diff", "--cached", "--no-renames", "--relative", "--name-only")
        changed = sorted(set(staged) - {*marked, *kept})
        return Merged(*map(tuple, (changed, marked, sorted(kept_deleted), sorted(kept))))

    def add(self, *paths: str) -> None:
        """Takes paths of the working tree into the index, those that are gone too."""
        if paths:
            self._git("add", "--all", "--force", "--", *paths)

    def _commit(self, folder: Path, message: str, *parents: str) -> str:
        """A commit of a folder as the project's, and of nothing else."""
        prefix = self._git("rev-parse", "--show-prefix").strip()
        with tempfile.TemporaryDirectory() as scratch:
            apart = {
                "GIT_DIR": self._git("rev-parse", "--absolute-git-dir").strip(),
                "GIT_WORK_TREE": str(folder.resolve()),
                "GIT_INDEX_FILE": str(Path(scratch, "index")),
            }
            self._git("add", "--all", "--force", ".", folder=folder, env=apart)
            tree = self._git("write-tree", folder=folder, env=apart).strip()
            if prefix:
                self._git("read-tree", "--empty", folder=folder, env=apart)
                self._git("read-tree", f"--prefix={prefix}", tree, folder=folder, env=apart)
                tree = self._git("write-tree", folder=folder, env=apart).strip()
        options = [part for parent in parents for part in ("-p", parent)]
        return self._git(*_IDENTITY, "commit-tree", tree, *options, "-m", message).strip()

    def _require_free(self, commit: str) -> None:
        """Git would write over files that it ignores."""
        changed = self._names("diff-tree", "-r", "--relative", "--name-only", f"{commit}^", commit)
        known = set(self._names("ls-files"))
        for name in changed:
            if name not in known and (self._project / name).exists():
                raise ConfigError(
                    f"{name} is a file of the template now, and there is one that git does not "
                    "know; expected that it is committed or moved away",
                    edit=name,
                )

    def _unmerged(self) -> dict[str, set[int]]:
        """The stages of each path in conflict."""
        found: dict[str, set[int]] = {}
        for entry in self._names("ls-files", "--unmerged"):
            details, _, path = entry.partition("\t")
            found.setdefault(path, set()).add(int(details.rpartition(" ")[2]))
        return found

    def _names(self, command: str, *arguments: str) -> list[str]:
        """What a command of git lists, whatever characters are in it."""
        return [name for name in self._git(command, "-z", *arguments).split("\0") if name]

    def _git(
        self, *arguments: str, folder: Path | None = None, env: Mapping[str, str] | None = None
    ) -> str:
        done = self._run(*arguments, folder=folder, env=env)
        if done.returncode != 0:
            raise TaxiwayError(f"git {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout

    def _run(
        self, *arguments: str, folder: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        # A hook of git that calls us would have told us of its own repository.
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        settings = {key: os.environ[key] for key in os.environ if key.startswith("GIT_CONFIG")}
        return subprocess.run(
            ["git", *arguments],
            cwd=folder or self._project,
            env={**kept, **settings, **(env or {}), "LC_ALL": "C"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
        )
