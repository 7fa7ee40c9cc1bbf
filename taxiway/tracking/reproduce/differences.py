"""What differs now from when a run was: code, packages, config; each by its name, nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from taxiway.tracking.run_record.record import Code, Packages, RunRecord

Part = Literal["code", "lock", "packages", "data", "config"]
MOST_TOLD: Final = 12
"""Of one part; the others are counted."""
_ABSENT: Final = "none"
PLACES: Final = (
    *("output.", "metadata.", "registry.", "push.", "notify.", "serving.", "tracking."),
    *("data.root", "data.schema_file", "data.keep", "model.code_digest"),
)
"""Keys of the config that a run repeated here is given anew, or that its code says."""


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was."""

    part: Part
    name: str
    """Of a file, a package or a key."""
    told: str
    """How it differs, in a few words."""

    @property
    def text(self) -> str:
        """On one line."""
        return f"{self.part}: {self.name}: {self.told}"


def of_code(then: Code, now: Mapping[str, str]) -> Iterator[Difference]:
    """Files of code that are not the same.

    Args:
      then: of the record.
      now: sha256 of each file that a run would use now, by its path in the project.
    """
    for name in sorted({**then.files, **now}):
        before, after = then.files.get(name), now.get(name)
        if before != after:
            told = "changed" if before and after else ("new" if after else "gone")
            yield Difference("code", name, told)


def of_packages(then: Packages, now: Packages) -> Iterator[Difference]:
    """The lock and packages that are not the same."""
    if then.lock != now.lock:
        yield Difference("lock", "requirements.lock", "changed" if now.lock else "gone")
    for name in sorted({**then.releases, **now.releases}):
        before, after = then.releases.get(name), now.releases.get(name)
        if before != after:
            told = f"then {before or _ABSENT}, now {after or _ABSENT}"
            yield Difference("packages", name, told)


def of_config(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    """Keys that the same config file gives other values now; both flattened."""
    for key in sorted({**then, **now}):
        if key.startswith(PLACES) or then.get(key) == now.get(key):
            continue
        before = then.get(key, "no such key")
        after = now.get(key, "no such key")
        yield Difference("config", key, f"then {before}, now {after}")


def files_at(root: Path, files: Mapping[str, str]) -> dict[str, str]:
    """sha256 of the files of these names in another checkout; those that are gone are left out.

    Args:
      root: the top of the project there.
      files: by path in the project. What is no file of that checkout, since Taxiway is installed
        beside it, is taken as it was.
    """
    installed = not (root / "taxiway").is_dir()
    found = {}
    for name, digest in files.items():
        path = root / name
        if installed and name.startswith("taxiway/"):
            found[name] = digest
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def lines(found: list[Difference]) -> list[str]:
    """All that differs, for people: many of one part are cut short and counted."""
    told = []
    for part in dict.fromkeys(one.part for one in found):
        those = [one for one in found if one.part == part]
        told += [one.text for one in those[:MOST_TOLD]]
        if len(those) > MOST_TOLD:
            told.append(f"{part}: and {len(those) - MOST_TOLD} more")
    return told


def not_on_record(record: RunRecord) -> list[str]:
    """Parts of a record that are empty, so that nobody can say whether they differ."""
    known = {
        "code": bool(record.code.files),
        "packages": bool(record.packages.releases),
        "data": bool(record.data.files),
        "config": bool(record.config),
    }
    return [part for part, there in known.items() if not there]
