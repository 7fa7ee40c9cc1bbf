"""Finds files by a pattern below a folder, and says what stands in the way of reading one.

The folder is taken as it is named: only the pattern is a pattern. So nothing here goes through a
glob, to which every character of a path could mean something: folders are listed, and names
compared. What is on this machine is listed without TensorFlow.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import re
import stat
from pathlib import Path
from typing import Final

from taxiway.errors import DataError

WILDCARD: Final = re.compile(r"[*?\[]")
NO_FILES: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
REASONS: Final = {
    errno.EACCES: "no permission to read it",
    errno.ELOOP: "a symbolic link that leads back to itself",
    errno.ENAMETOOLONG: "a name longer than the file system allows",
}


def is_local(path: str) -> bool:
    """Whether a path is one of this machine."""
    return "://" not in path


def matcher(part: str) -> re.Pattern[str]:
    """What a part of a pattern, a name between slashes, matches as a whole.

    `*` is any text, `?` one character, `[abc]` one of these and `[!abc]` one of all others. As in
    a shell, none of them stands for the dot that begins the name of a hidden file.
    """
    expression = fnmatch.translate(part)
    return re.compile(rf"(?!\.){expression}" if WILDCARD.match(part) else expression)


def matching(root: str, pattern: str) -> list[str]:
    """Paths that are there, sorted: the pattern's parts are looked up folder by folder.

    Raises:
      DataError: a folder on the way cannot be listed.
    """
    places = [root]
    for part in pattern.split("/"):
        if WILDCARD.search(part):
            fits = matcher(part).match
            places = [
                f"{place}/{name}" for place in places for name in names_in(place) if fits(name)
            ]
        else:
            places = [f"{place}/{part}" for place in places]
    return sorted(path for path in places if _exists(path))


def names_in(folder: str) -> list[str]:
    """The names in a folder, sorted; none where it is no folder.

    Raises:
      DataError: it cannot be listed.
    """
    if not is_local(folder):
        return _remote_names(folder)
    try:
        return sorted(path.name for path in Path(folder or "/").iterdir())
    except NotADirectoryError:
        return []
    except FileNotFoundError as error:
        if Path(folder).is_symlink():
            raise _cannot_be_listed(folder, _dangling(folder)) from error
        return []
    except OSError as error:
        raise _cannot_be_listed(folder, _reason(error)) from error


def check_file(path: str, edit: str = "") -> os.stat_result:
    """What the file system knows of a local file that is about to be read.

    Args:
      path: of the file.
      edit: what mends it, where it is none of the input files.

    Raises:
      DataError: it is none, or may not be read.
    """
    try:
        path.encode()
        found = Path(path).stat()
    except UnicodeEncodeError as error:
        raise DataError(
            f"the name of the file {path!r} is not UTF-8 text",
            edit="data.root: rename the file, or data.pattern",
        ) from error
    except OSError as error:
        is_dangling = error.errno == errno.ENOENT and Path(path).is_symlink()
        reason = _dangling(path) if is_dangling else _reason(error)
        raise _cannot_be_read(path, reason, edit) from error
    kind = NO_FILES.get(stat.S_IFMT(found.st_mode))
    if kind:
        raise _cannot_be_read(path, f"{kind}, expected a file", edit)
    if not os.access(path, os.R_OK):
        raise _cannot_be_read(path, REASONS[errno.EACCES], edit)
    return found


def _exists(path: str) -> bool:
    """A link that leads nowhere is there too: `check_file` says what it is."""
    if is_local(path):
        return os.path.lexists(path)
    import tensorflow as tf

    return bool(tf.io.gfile.exists(path))


def _remote_names(folder: str) -> list[str]:
    import tensorflow as tf

    try:
        return sorted({name.rstrip("/") for name in tf.io.gfile.listdir(folder)})
    except tf.errors.NotFoundError:
        return []
    except tf.errors.OpError as error:
        raise _cannot_be_listed(folder, error.message) from error


def _dangling(path: str) -> str:
    return f"a symbolic link to {Path(path).readlink()}, which does not exist"


def _reason(error: OSError) -> str:
    return REASONS.get(error.errno or 0, error.strerror or str(error))


def _cannot_be_listed(folder: str, reason: str) -> DataError:
    return DataError(f"{folder} cannot be listed: {reason}", edit="data.root or data.pattern")


def _cannot_be_read(path: str, reason: str, edit: str) -> DataError:
    return DataError(
        f"{path} cannot be read: {reason}",
        edit=edit or f"{path}: replace or remove it, or data.pattern",
    )
