"""Where a run comes from, as far as files and versions say it: commit, lock, releases.

Written on a run's context when it starts. Where the code is in an image, as in a task on
Kubeflow, there is no git: the commit is then the one that the pipeline was compiled from.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from taxiway.process.code_digest import PACKAGES, versions
from taxiway.process.git import ask_git
from taxiway.process.project import project_root

GIT_COMMIT: Final = "git_commit"
GIT_DIRTY: Final = "git_dirty"
"""`true` where files that a run uses differ from the commit, or are not in it; else `false`."""
LOCK_DIGEST: Final = "lock_sha256"
VERSIONS: Final = "versions"
"""JSON: releases by package, Python among them."""
IMAGES: Final = "images"
"""JSON: what the config says of images, by what runs in them; pinned only where it pins them."""
PROPERTIES: Final = (GIT_COMMIT, GIT_DIRTY, LOCK_DIGEST, VERSIONS, IMAGES)

LOCK_FILE: Final = "requirements.lock"
RELEASES: Final = ("taxiway", "tfx", "tensorflow", "ml-metadata", "apache-beam", "pyarrow")
_RELEASE: Final = re.compile(r'^name = "taxiway"\nversion = "([^"]+)"$', re.MULTILINE)


def commit_of_code(root: Path | None = None) -> dict[str, str]:
    """The commit of a project's code, and whether the code is as committed.

    Both are left out where there is no git, no repository or no answer in time, and the second
    alone where only looking through the files takes too long.
    """
    place = root or project_root()
    commit = ask_git(place, "rev-parse", "HEAD")
    if not commit:
        return {}
    changed = ask_git(place, "status", "--porcelain", "--", *used_by_runs(place))
    known = {GIT_COMMIT: commit}
    return known if changed is None else known | {GIT_DIRTY: json.dumps(bool(changed))}


def used_by_runs(root: Path) -> tuple[str, ...]:
    """What a project has of files and folders that a run uses, by their names in it."""
    return tuple(name for name in (*PACKAGES, "configs", LOCK_FILE) if (root / name).exists())


def provenance(
    images: Mapping[str, str], commit: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Properties of a run that starts now; empty ones are left out.

    Args:
      images: of containers, by what runs in them.
      commit: what `commit_of_code` has given where the pipeline was compiled; None asks git here.
    """
    found = dict(commit_of_code() if commit is None else commit)
    lock = project_root() / LOCK_FILE
    if lock.is_file():
        found[LOCK_DIGEST] = hashlib.sha256(lock.read_bytes()).hexdigest()
    installed = dict(versions(RELEASES)) | {"Python": platform.python_version()}
    installed["taxiway"] = installed.get("taxiway") or _release_of_checkout(project_root())
    found[VERSIONS] = json.dumps({name: one for name, one in installed.items() if one})
    if images:
        found[IMAGES] = json.dumps(dict(images), sort_keys=True)
    return found


def _release_of_checkout(root: Path) -> str:
    """Taxiway's where it is no installed package, as in its image; empty where not known."""
    project = root / "pyproject.toml"
    found = _RELEASE.search(project.read_text(encoding="utf-8")) if project.is_file() else None
    return found[1] if found else ""
