"""The one opener of files of examples: compressed or not, in order, folders as named."""

from __future__ import annotations

from pathlib import Path

import pytest

from taxiway.errors import DataError

pytestmark = pytest.mark.pipeline

NAMES = ("b.gz", "a", "c.gz", "d")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    from taxiway.modeling.example_files import examples_writer

    split = tmp_path / "sales [2]" / "Split-train"
    for name in NAMES:
        (split / name).parent.mkdir(parents=True, exist_ok=True)
        with examples_writer(str(split / name)) as writer:
            for number in range(2):
                writer.write(f"{name} {number}".encode())
    decoy = tmp_path / "sales 2" / "Split-train"
    decoy.mkdir(parents=True)
    (decoy / "other").write_text("the folder that a glob would find")
    return split


def test_files_are_compressed_as_their_names_say(folder: Path) -> None:
    magic = {name: (folder / name).read_bytes()[:2] == b"\x1f\x8b" for name in NAMES}
    assert magic == {name: name.endswith(".gz") for name in NAMES}


def test_a_file_that_is_renamed_later_is_compressed_for_its_later_name(tmp_path: Path) -> None:
    from taxiway.modeling.example_files import examples_writer

    with examples_writer(str(tmp_path / "attempt"), like="rows.gz") as writer:
        writer.write(b"row")
    assert (tmp_path / "attempt").read_bytes()[:2] == b"\x1f\x8b"


def test_mixed_files_are_read_in_the_order_that_is_asked_for(folder: Path) -> None:
    from taxiway.modeling.example_files import open_examples

    rows = open_examples([str(folder / name) for name in NAMES]).as_numpy_iterator()
    assert list(rows) == [f"{name} {number}".encode() for name in NAMES for number in range(2)]


def test_a_folder_is_taken_as_it_is_named_and_not_as_a_pattern(folder: Path) -> None:
    from taxiway.modeling.example_files import files_in
    from taxiway.modeling.training.dataset import find_files

    (folder / ".hidden").touch()
    (folder / "deeper").mkdir()
    expected = [str(folder / name) for name in sorted(NAMES)]
    assert files_in(str(folder)) == files_in(f"{folder}/") == expected
    assert find_files([f"{folder}/*"]) == expected


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    from taxiway.modeling.example_files import files_in

    assert files_in(str(tmp_path / "never")) == []


class TestSomeExamples:
    """A few of each file, without tf.data."""

    def test_each_file_gives_as_many_as_any_other(self, folder: Path) -> None:
        from taxiway.modeling.example_files import files_in, first_examples, open_examples

        files = files_in(str(folder))
        whole = [list(open_examples([one]).as_numpy_iterator()) for one in files]
        assert first_examples(files, 10_000) == [one for rows in whole for one in rows]
        assert first_examples(files, len(files)) == [rows[0] for rows in whole]
        assert len(first_examples(files, 1)) == 1
        assert first_examples([], 5) == []

    @pytest.mark.parametrize("left", [5, 13, -2])
    def test_a_file_that_ends_within_a_record_is_refused(self, tmp_path: Path, left: int) -> None:
        from taxiway.modeling.example_files import examples_writer, first_examples

        path = tmp_path / "cut"
        with examples_writer(str(path)) as writer:
            writer.write(b"a record")
        path.write_bytes(path.read_bytes()[:left])
        with pytest.raises(DataError, match="cut ends within a record"):
            first_examples([str(path)], 5)
