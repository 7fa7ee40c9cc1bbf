"""Input files that are kept by content, so that a run can be repeated after its source has changed.

A file lies at `<output.root>/kept/<first two digits>/<sha256>`. With `data.keep: link` it is a hard
link, where the file system has them: it costs no room, and outlives the source's removal and
replacement; but it is the same file, so an edit in place changes both, which `restore` finds.
Beside them is noted which file had which content, by its marks, so that none is read twice.

A link changes a file's time of change, by which ExampleGen's cache knows it. So files are kept
before ExampleGen looks at them.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from taxiway.config.data import Keep
from taxiway.errors import TaxiwayError
from taxiway.modeling.input_files import sha256_of
from taxiway.tracking.run_record.files import read_record
from taxiway.tracking.run_record.record import InputFile, RunRecord

FOLDER: Final = "kept"
_NOTED: Final = "marks.json"
_BLOCK: Final = 2**20
_NO_LINKS: Final = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP)
"""Another file system, or one that has no hard links, or no more of this file."""
_SHOWN: Final = 3


def kept_path(root: str, sha256: str) -> Path:
    """Where a file of this content is kept, or would be.

    Args:
      root: `output.root`.
      sha256: of its content.
    """
    return Path(root) / FOLDER / sha256[:2] / sha256


def keep(
    root: str,
    files: Iterable[tuple[str, str, int]],
    mode: Keep,
    say: Callable[[str], None] = logging.info,
) -> list[InputFile]:
    """Keeps files by content; those that are kept already cost nothing.

    Args:
      root: `output.root`.
      files: of each, where it is, its path below `data.root`, and its span.
      mode: link or copy.
      say: is told where a link cannot be had.

    Returns:
      The same, with size and digest.

    Raises:
      OSError: one cannot be read, or there is no room.
    """
    noted = _noted(root)
    found, told = [], False
    for place, path, span in files:
        known = noted.get(place)
        sha256 = known[1] if known and known[0] == _marks(place) else ""
        if not sha256 or not kept_path(root, sha256).is_file():
            sha256, linked = _keep(root, Path(place), mode)
            if mode == "link" and not linked and not told:
                told = True
                say(f"{place} is kept as a copy: there are no hard links from there to {root}")
        noted[place] = [_marks(place), sha256]
        size = Path(place).stat().st_size
        found.append(InputFile(path=path, span=span, bytes=size, sha256=sha256))
    _note(root, noted)
    return found


def kept_as(root: str, files: Sequence[InputFile], mode: Keep) -> Keep:
    """How files are kept: `none` unless all of them are."""
    there = (one.sha256 and kept_path(root, one.sha256).is_file() for one in files)
    return mode if files and all(there) else "none"


def restore(record: RunRecord, root: str, folder: Path) -> Path:
    """Puts the input files of a run into a folder, below which they have their old paths.

    Args:
      record: of the run.
      root: `output.root` of that run.
      folder: which then serves as `data.root`.

    Raises:
      TaxiwayError: a file is not kept, or has changed since.
    """
    missing = [one for one in record.data.files if not kept_path(root, one.sha256).is_file()]
    if missing or not record.data.files:
        raise TaxiwayError(
            f"run {record.run_id}: {_named(missing) or 'its input'} not kept below "
            f"{Path(root) / FOLDER}",
            edit="data.keep: link or copy, for runs to come",
        )
    changed = [one for one in record.data.files if not _put(one, root, folder)]
    if changed:
        raise TaxiwayError(
            f"run {record.run_id}: {_named(changed)} not what the run read: the source was edited "
            "in place, and a hard link is the same file",
            edit="data.keep: copy, for runs to come",
        )
    return folder


def unused(root: str) -> Iterator[Path]:
    """Kept files that no record of a run names, in no order."""
    records = map(read_record, _folders(Path(root) / "reports"))
    used = {file.sha256 for record in records if record for file in record.data.files}
    for folder in _folders(Path(root) / FOLDER):
        yield from (path for path in folder.iterdir() if path.name not in used)


def _folders(place: Path) -> list[Path]:
    return [path for path in place.iterdir() if path.is_dir()] if place.is_dir() else []


def _keep(root: str, place: Path, mode: Keep) -> tuple[str, bool]:
    """Its digest, and whether it is linked."""
    if mode == "link":
        sha256 = sha256_of(place)
        target = kept_path(root, sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with contextlib.suppress(FileExistsError):
                os.link(place.resolve(), target)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
        else:
            return sha256, True
    return _copy(root, place), False


def _copy(root: str, place: Path) -> str:
    """Copies a file whole or not at all; what was written is what the digest is of."""
    folder = Path(root) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{uuid.uuid4().hex}.tmp"
    digest = hashlib.sha256()
    try:
        with place.open("rb") as source, temporary.open("wb") as copy:
            while block := source.read(_BLOCK):
                digest.update(block)
                copy.write(block)
        target = kept_path(root, digest.hexdigest())
        target.parent.mkdir(exist_ok=True)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return digest.hexdigest()


def _put(file: InputFile, root: str, folder: Path) -> bool:
    """Copies a kept file to its old path; False where it has changed."""
    target = folder / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kept_path(root, file.sha256), target)
    if sha256_of(target) == file.sha256:
        return True
    target.unlink()
    return False


def _named(files: Sequence[InputFile]) -> str:
    names = ", ".join(one.path for one in files[:_SHOWN])
    more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
    return f"{names}{more} {'is' if len(files) == 1 else 'are'}" if files else ""


def _marks(place: str) -> str:
    found = Path(place).stat()
    return f"{found.st_dev} {found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"


def _noted(root: str) -> dict[str, list[str]]:
    try:
        read = json.loads((Path(root) / FOLDER / _NOTED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _note(root: str, noted: dict[str, list[str]]) -> None:
    folder = Path(root) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{uuid.uuid4().hex}.tmp"
    temporary.write_text(json.dumps(noted, indent=1), encoding="utf-8")
    temporary.replace(folder / _NOTED)
