"""Which input files examples were made of, said in a file beside them, cached or not."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from taxiway.process.json_file import read_json, write_json

FILE: Final = "input_files.json"
"""In the folder of an Examples artifact, beside those of its splits."""
_BLOCK: Final = 2**20


@dataclass(frozen=True)
class InputFile:
    """A file of input as it was when it was read."""

    path: str
    """Below `data.root`."""
    span: int
    bytes: int
    sha256: str
    """Of its content; empty where it is in a bucket, from which it would be read twice."""

    @classmethod
    def of(cls, place: str, path: str, span: int) -> InputFile:
        """A file as it is now.

        Args:
          place: where it is.
          path: below `data.root`.
          span: that it belongs to.

        Raises:
          OSError: it cannot be read.
        """
        if "://" in place:
            import tensorflow as tf

            return cls(path, span, int(tf.io.gfile.stat(place).length), "")
        return cls(path, span, Path(place).stat().st_size, sha256_of(place))


def sha256_of(path: str | Path) -> str:
    """Of a local file's content; a second for each half to two gigabytes.

    Raises:
      OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def write_input_files(examples: str, files: Sequence[InputFile]) -> None:
    """Writes the list of files beside the splits of an Examples artifact."""
    write_json(f"{examples}/{FILE}", [asdict(one) for one in files])


def read_input_files(examples: str) -> list[InputFile]:
    """The list beside the splits; empty where there is none, as of an older release."""
    found = read_json(f"{examples}/{FILE}")
    return [InputFile(**one) for one in found] if isinstance(found, list) else []
