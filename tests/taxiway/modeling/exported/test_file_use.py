"""A model reads and writes its own assets and variables, and no other file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from taxiway.modeling.exported.operations import check_model
from tests.taxiway.modeling.exported.refusals import EDIT, refusal

pytestmark = pytest.mark.pipeline

SAVER = "for a file that is not named by the model's own saver"
ASSET = "for a file that is not named by an asset of the model"


def test_a_model_reads_its_own_assets_and_variables(tmp_path: Path, words: Path) -> None:
    from tests.taxiway.modeling.exported.hostile import save_as_tensorflow_1, save_with_vocabulary

    check_model(save_with_vocabulary(tmp_path / "2", words))
    check_model(save_as_tensorflow_1(tmp_path / "1", words))


def test_a_vocabulary_of_another_file_is_refused(tmp_path: Path, words: Path) -> None:
    import tensorflow as tf

    from tests.taxiway.modeling.exported.hostile import (
        _initialized,
        save,
        save_as_tensorflow_1,
        save_that_loads,
    )

    def table(filename: Any) -> Any:
        return _initialized(
            tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64), filename
        )

    def by_constant(_: Any) -> Any:
        return table(tf.constant("/etc/passwd"))

    def by_request(examples: Any) -> Any:
        return table(examples[0])

    def by_call(examples: Any) -> Any:
        @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
        def inner(filename: Any) -> Any:
            with tf.control_dependencies([table(filename)]):
                return tf.constant(0)

        return inner(tf.strings.join(["/etc/", examples[0]]))

    models = {
        "constant": save(tmp_path / "constant", by_constant),
        "request": save(tmp_path / "request", by_request),
        "call": save(tmp_path / "call", by_call),
        "loading": save_that_loads(tmp_path / "loading", by_constant),
        "one": save_as_tensorflow_1(tmp_path / "one", words, read="/etc/passwd"),
    }
    for name, folder in models.items():
        told = refusal(folder)
        start = f"{tmp_path}/{name} has the operation InitializeTableFromTextFileV2 (in "
        assert told.startswith(start), told
        assert told.endswith(f") {ASSET}\n  edit: {EDIT}"), told


def test_an_asset_that_only_a_signature_opens_is_refused_too(tmp_path: Path, words: Path) -> None:
    """A session gives assets their names while it initialises, and leaves constants in between."""
    from tests.taxiway.modeling.exported.hostile import edited, save_as_tensorflow_1

    folder = save_as_tensorflow_1(tmp_path / "one", words, read="/etc/passwd")

    def name_it(message: Any) -> None:
        (graph,) = message.meta_graphs
        (node,) = (
            node
            for node in graph.graph_def.node
            if node.op == "Const" and node.attr["value"].tensor.string_val[:] == [b"/etc/passwd"]
        )
        added = graph.asset_file_def.add(filename="words.txt")
        added.tensor_info.name = f"{node.name}:0"
        added = graph.asset_file_def.add(filename="words.txt")
        added.tensor_info.name = "vocabulary:0"

    assert ASSET in refusal(edited(folder, name_it))


def test_variables_of_another_model_are_neither_read_nor_written(tmp_path: Path) -> None:
    import tensorflow as tf

    from tests.taxiway.modeling.exported.hostile import save, save_that_loads

    def restored(_: Any) -> Any:
        return tf.raw_ops.RestoreV2(
            prefix="/other/variables",
            tensor_names=["a"],
            shape_and_slices=[""],
            dtypes=[tf.float32],
        )[0]

    def saved(_: Any) -> Any:
        return tf.raw_ops.SaveV2(
            prefix="/serving/9", tensor_names=["a"], shape_and_slices=[""], tensors=[tf.zeros(1)]
        )

    def merged(_: Any) -> Any:
        return tf.raw_ops.MergeV2Checkpoints(
            checkpoint_prefixes=["/a"], destination_prefix="/b", delete_old_dirs=True
        )

    for operation, body in [
        ("RestoreV2", restored), ("SaveV2", saved), ("MergeV2Checkpoints", merged),
    ]:  # fmt: skip
        for kind in (save, save_that_loads):
            folder = kind(tmp_path / f"{operation}-{kind.__name__}", body)
            told = refusal(folder)
            assert told.startswith(f"{folder} has the operation {operation} (in "), told
            assert told.endswith(f") {SAVER}\n  edit: {EDIT}"), told


def test_a_saver_that_reads_from_elsewhere_is_refused(tmp_path: Path, words: Path) -> None:
    from tests.taxiway.modeling.exported.hostile import edited, save_with_vocabulary

    folder = save_with_vocabulary(tmp_path / "model", words)

    def point_elsewhere(message: Any) -> None:
        (graph,) = message.meta_graphs
        for function in graph.graph_def.library.function:
            for node in function.node_def:
                if node.op == "RestoreV2":
                    node.input[0] = "elsewhere:output:0"
                    added = function.node_def.add(name="elsewhere", op="Const")
                    added.attr["value"].tensor.string_val.append(b"/other/variables")

    assert SAVER in refusal(edited(folder, point_elsewhere))
