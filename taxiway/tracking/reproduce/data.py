"""The input of a run, laid out anew: from where it was, or from what was kept of it by content.

Files are linked by symbolic links: a hard link would change a time of the source by which
ExampleGen's cache knows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from taxiway.errors import TaxiwayError
from taxiway.modeling.input_files import sha256_of
from taxiway.tracking.kept import kept_path
from taxiway.tracking.reproduce.differences import Difference
from taxiway.tracking.run_record.record import InputFile, RunRecord


@dataclass(frozen=True)
class Source:
    """Where the content of a file of input is now."""

    file: InputFile
    path: Path | None
    """The file; None where it is nowhere."""
    is_same: bool

    @property
    def difference(self) -> Difference | None:
        """What a user has to know."""
        if self.is_same:
            return None
        return Difference("data", self.file.path, "changed" if self.path else "gone")


def sources(record: RunRecord, root: Path, output: str) -> list[Source]:
    """Where each file of a run's input is.

    Args:
      record: of the run.
      root: where its input was, or is now.
      output: `output.root` of the run, below which files are kept.
    """
    return [_source(one, root, kept_path(output, one.sha256)) for one in record.data.files]


def differences(found: list[Source]) -> Iterator[Difference]:
    """Files that are gone or have changed."""
    for one in found:
        if one.difference is not None:
            yield one.difference


def lay_out(found: list[Source], folder: Path) -> None:
    """Links files into a folder, each by its path below `data.root`.

    Raises:
      TaxiwayError: one is gone, or cannot be linked.
    """
    for one in found:
        if one.path is None:
            raise TaxiwayError(
                f"{one.file.path} of the run's input is gone, and nothing was kept of it",
                edit="data.keep of runs to come, or bring it back",
            )
        target = folder / one.file.path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(one.path.resolve())
        except OSError as error:
            raise TaxiwayError(
                f"cannot link {one.path} to {target}: {error.strerror}", edit="output.root"
            ) from None


def _source(file: InputFile, root: Path, kept: Path) -> Source:
    path = root / file.path
    for one in (path, kept):
        if one.is_file() and _is(one, file):
            return Source(file, one, True)
    return Source(file, path if path.is_file() else None, False)


def _is(path: Path, file: InputFile) -> bool:
    return path.stat().st_size == file.bytes and sha256_of(path) == file.sha256
