"""The files of a SavedModel: what is none, what leads out of its folder; looking is light."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from taxiway.modeling.exported.operations import check_model
from taxiway.modeling.exported.saved_model import MOST_BYTES
from tests.conftest import REPOSITORY
from tests.taxiway.modeling.exported.refusals import refusal

pytestmark = pytest.mark.pipeline


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "gs://other/file", ""])
def test_an_asset_outside_of_the_model_is_refused(tmp_path: Path, words: Path, name: str) -> None:
    from tests.taxiway.modeling.exported.hostile import edited, save_with_vocabulary

    folder = save_with_vocabulary(tmp_path / "model", words)

    def rename(message: Any) -> None:
        message.meta_graphs[0].asset_file_def[0].filename = name

    assert refusal(edited(folder, rename)) == (
        f"{folder} has the asset '{name}', expected the name of a file in the model's folder of "
        "assets\n  edit: the model"
    )


def test_a_link_out_of_the_folder_is_refused_and_one_within_is_not(
    tmp_path: Path, words: Path
) -> None:
    from tests.taxiway.modeling.exported.hostile import save_with_vocabulary

    folder = save_with_vocabulary(tmp_path / "model", words)
    asset = folder / "assets/words.txt"
    asset.rename(folder / "assets/kept.txt")
    asset.symlink_to("kept.txt")
    check_model(folder)
    (tmp_path / "current").symlink_to(folder)
    check_model(tmp_path / "current")
    asset.unlink()
    asset.symlink_to("/etc/passwd")
    assert refusal(folder) == (
        f"{folder}/assets/words.txt is a link out of the model's folder, to /etc/passwd; "
        "expected a file\n  edit: the model"
    )


def test_what_is_no_savedmodel_is_told_and_nothing_hangs(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    assert refusal(absent) == f"{absent} is no folder, expected a SavedModel\n  edit: the model"
    folder = tmp_path / "model"
    folder.mkdir()
    graph = folder / "saved_model.pb"
    assert refusal(folder) == (
        f"{folder} is no SavedModel: saved_model.pb cannot be read: No such file or directory\n"
        "  edit: the model"
    )
    graph.write_bytes(b"nonsense")
    told = refusal(folder)
    assert told.startswith(f"{graph} is no SavedModel: "), told
    assert len(told) < 500
    os.truncate(graph, MOST_BYTES + 1)
    assert refusal(folder) == (
        f"{graph} has 536,870,913 bytes, expected at most 536,870,912\n  edit: the model"
    )
    graph.unlink()
    os.mkfifo(graph)
    assert refusal(folder) == f"{graph} is neither a file nor a folder\n  edit: the model"
    graph.unlink()
    for name in ("saved_model.pbtxt", "saved_model.cpb"):
        (folder / name).touch()
        assert refusal(folder) == (
            f"{folder} has {name}, which TensorFlow would read too; expected saved_model.pb alone\n"
            "  edit: the model"
        )
        (folder / name).unlink()


def test_looking_does_not_import_tensorflow(tmp_path: Path, words: Path) -> None:
    from tests.taxiway.modeling.exported.hostile import save_with_vocabulary

    folder = save_with_vocabulary(tmp_path / "model", words)
    program = (
        "import sys; from taxiway.modeling.exported.operations import check_model; "
        "check_model(sys.argv[1]); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, str(folder)], cwd=REPOSITORY, check=True)
