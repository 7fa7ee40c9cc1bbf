"""A SavedModel is looked at before it is loaded: what it may do, and with which files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from taxiway.modeling.operations import check_model, listed_operations
from taxiway.modeling.saved_model import MOST_BYTES, ModelRefused
from tests.conftest import REPOSITORY, Run

pytestmark = pytest.mark.pipeline

EDIT = "the model, or model.allowed_operations if you trust whoever wrote it"
OUTSIDE = (
    "outside of the operations that a model may have, "
    "for it may reach files, sockets, Python or other code"
)
SAVER = "for a file that is not named by the model's own saver"
ASSET = "for a file that is not named by an asset of the model"


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("first\nsecond\nthird\n")
    return path


def refusal(folder: Path, *allowed: str) -> str:
    """What is said of a model, without the number that TensorFlow gives a function."""
    with pytest.raises(ModelRefused) as caught:
        check_model(folder, allowed)
    return str(caught.value)


def bodies() -> dict[str, Any]:
    """Operations, and how a model uses each to reach beyond itself."""
    import tensorflow as tf

    raw = tf.raw_ops
    path = "/etc/passwd"
    return {
        "ReadFile": lambda _: tf.io.read_file(path),
        "WriteFile": lambda _: tf.io.write_file("/tmp/never", "x"),
        "MatchingFiles": lambda _: tf.io.matching_files("/etc/*"),
        "TextLineDataset": lambda _: raw.TextLineDataset(
            filenames=path, compression_type="", buffer_size=0
        ),
        "TFRecordDataset": lambda _: raw.TFRecordDataset(
            filenames=path, compression_type="", buffer_size=0
        ),
        "WholeFileReaderV2": lambda _: raw.WholeFileReaderV2(),
        "ImmutableConst": lambda _: raw.ImmutableConst(
            dtype=tf.float32, shape=[1], memory_region_name=path
        ),
        "Save": lambda _: raw.Save(filename="/tmp/never", tensor_names=["a"], data=[tf.zeros(1)]),
        "Restore": lambda _: raw.Restore(file_pattern=path, tensor_name="a", dt=tf.float32),
        "SummaryWriter": lambda _: raw.SummaryWriter(),
        "PyFunc": lambda _: tf.compat.v1.py_func(lambda: 1.0, [], tf.float32),
        "EagerPyFunc": lambda _: tf.py_function(lambda: 1.0, [], tf.float32),
        "PyFuncStateless": lambda _: tf.numpy_function(lambda: 1.0, [], tf.float64, stateful=False),
        "DebugIdentity": lambda _: raw.DebugIdentity(
            input=tf.zeros(1), debug_urls=["file:///tmp/never"]
        ),
        "FixedUnigramCandidateSampler": lambda _: raw.FixedUnigramCandidateSampler(
            true_classes=tf.zeros([1, 1], tf.int64), num_true=1, num_sampled=1, unique=True,
            range_max=1, vocab_file=path,
        )[0],
        "Abort": lambda _: raw.Abort(error_msg="gone"),
        "CollectiveReduce": lambda _: raw.CollectiveReduce(
            input=tf.zeros(1), group_size=2, group_key=1, instance_key=1, merge_op="Add",
            final_op="Id", subdiv_offsets=[0],
        ),
        "DecodeProtoV2": lambda examples: raw.DecodeProtoV2(
            bytes=examples, message_type="a", field_names=[], output_types=[],
            descriptor_source=path,
        )[0],
        "Timestamp": lambda _: tf.timestamp(),
    }  # fmt: skip


def test_an_operation_that_reaches_beyond_the_model_is_refused_by_name(tmp_path: Path) -> None:
    from tests.taxiway.modeling.hostile import save

    for operation, body in bodies().items():
        told = refusal(save(tmp_path / operation, body))
        assert told.startswith(f"{tmp_path}/{operation} has the operation {operation} (in "), told
        assert told.endswith(f"): {OUTSIDE}\n  edit: {EDIT}"), told
        check_model(tmp_path / operation, [operation])


def test_it_is_found_wherever_it_stands(tmp_path: Path) -> None:
    import tensorflow as tf

    from tests.taxiway.modeling.hostile import save, save_that_loads

    def read(_: Any) -> Any:
        return tf.io.read_file("/etc/passwd")

    def in_branch(examples: Any) -> Any:
        return tf.cond(tf.size(examples) > 9, lambda: read(0), lambda: tf.constant(""))

    def in_loop(examples: Any) -> Any:
        return tf.while_loop(
            lambda i: i < tf.size(examples), lambda i: (i + tf.size(read(i)),), (0,)
        )[0]

    def in_map(examples: Any) -> Any:
        return tf.map_fn(read, examples)

    def in_function(examples: Any) -> Any:
        return tf.function(tf.function(read))(examples)

    for name, body in [
        ("branch", in_branch), ("loop", in_loop), ("map", in_map), ("function", in_function),
    ]:  # fmt: skip
        assert "has the operation ReadFile (in function" in refusal(save(tmp_path / name, body))
    assert "has the operation ReadFile (in function" in refusal(
        save_that_loads(tmp_path / "loading", read)
    )


def test_several_are_told_and_no_more_than_some(tmp_path: Path) -> None:
    from tests.taxiway.modeling.hostile import save

    some = bodies()
    names = ["Abort", "MatchingFiles", "PyFunc", "ReadFile", "Restore", "Save", "WriteFile"]

    def body(examples: Any) -> Any:
        import tensorflow as tf

        for name in names:
            some[name](examples)
        return tf.constant(0)

    told = refusal(save(tmp_path / "many", body))
    assert "has the operations Abort (in " in told
    assert "Restore (in " in told
    assert f") and 2 more: {OUTSIDE}" in told
    assert len(told) < 1000


def test_printing_is_allowed_to_a_stream_and_not_to_a_file(tmp_path: Path) -> None:
    import tensorflow as tf

    from tests.taxiway.modeling.hostile import save

    check_model(save(tmp_path / "stream", lambda examples: tf.print(examples)))
    told = refusal(
        save(tmp_path / "file", lambda _: tf.print("x", output_stream="file:///tmp/never"))
    )
    assert "has the operation PrintV2 to a file (in " in told
    check_model(tmp_path / "file", ["PrintV2"])


def test_a_model_reads_its_own_assets_and_variables(tmp_path: Path, words: Path) -> None:
    from tests.taxiway.modeling.hostile import save_as_tensorflow_1, save_with_vocabulary

    check_model(save_with_vocabulary(tmp_path / "2", words))
    check_model(save_as_tensorflow_1(tmp_path / "1", words))


def test_a_vocabulary_of_another_file_is_refused(tmp_path: Path, words: Path) -> None:
    import tensorflow as tf

    from tests.taxiway.modeling.hostile import (
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
    from tests.taxiway.modeling.hostile import edited, save_as_tensorflow_1

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

    from tests.taxiway.modeling.hostile import save, save_that_loads

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
    from tests.taxiway.modeling.hostile import edited, save_with_vocabulary

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


def test_a_function_that_is_named_like_an_operation_is_refused(tmp_path: Path, words: Path) -> None:
    from tests.taxiway.modeling.hostile import edited, save_with_vocabulary

    folder = save_with_vocabulary(tmp_path / "model", words)

    def name_it(message: Any) -> None:
        added = message.meta_graphs[0].graph_def.library.function.add()
        added.signature.name = "ReadFile"

    told = refusal(edited(folder, name_it))
    assert told == (
        f"{folder} has the operation ReadFile (in a function of that name): {OUTSIDE}\n"
        f"  edit: {EDIT}"
    )


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "gs://other/file", ""])
def test_an_asset_outside_of_the_model_is_refused(tmp_path: Path, words: Path, name: str) -> None:
    from tests.taxiway.modeling.hostile import edited, save_with_vocabulary

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
    from tests.taxiway.modeling.hostile import save_with_vocabulary

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
    from tests.taxiway.modeling.hostile import save_with_vocabulary

    folder = save_with_vocabulary(tmp_path / "model", words)
    program = (
        "import sys; from taxiway.modeling.operations import check_model; "
        "check_model(sys.argv[1]); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, str(folder)], cwd=REPOSITORY, check=True)


def test_what_keras_makes_is_allowed(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    layers = keras.layers
    text = layers.TextVectorization(max_tokens=9, output_sequence_length=4)
    text.adapt(["some words", "and more"])
    lookup = layers.StringLookup(vocabulary=["a", "b"])
    sequence = keras.Input([4], dtype="int64", name="sequence")
    image = keras.Input([8, 8, 3], name="image")
    embedded = layers.Embedding(9, 4)(sequence)
    parts = [
        layers.LSTM(3)(embedded),
        layers.Bidirectional(layers.GRU(3))(embedded),
        layers.GlobalAveragePooling1D()(layers.MultiHeadAttention(2, 2)(embedded, embedded)),
        layers.GlobalMaxPooling1D()(layers.Conv1D(2, 2)(embedded)),
        layers.Flatten()(layers.MaxPooling2D()(layers.Conv2D(2, 3)(image))),
        layers.Flatten()(layers.SeparableConv2D(2, 3)(layers.Rescaling(0.5)(image))),
    ]
    joined = layers.LayerNormalization()(layers.concatenate(parts))
    hidden = layers.Dropout(0.5)(layers.BatchNormalization()(layers.Dense(4, "gelu")(joined)))
    network = keras.Model([sequence, image], layers.Dense(2, "softmax")(hidden))

    class Model(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network, self.text, self.lookup = network, text, lookup

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.string), tf.TensorSpec([None, 8, 8, 3], tf.float32),
            ]
        )  # fmt: skip
        def serve(self, words: Any, image: Any) -> dict[str, Any]:
            found = tf.cast(self.lookup(words), tf.float32)
            scores = self.network([self.text(words), image])
            weights = tf.nn.softmax(tf.random.stateless_normal([2], seed=[1, 2]))
            return {"scores": scores * weights, "found": tf.math.top_k(found).values}

    model = Model()
    tf.saved_model.save(model, str(tmp_path / "saved"), {"serving_default": model.serve})
    network.export(str(tmp_path / "exported"))
    check_model(tmp_path / "saved")
    check_model(tmp_path / "exported")


def test_what_the_template_makes_is_allowed(first_run: Run) -> None:
    workspace, _ = first_run
    for kind in ("Trainer/model/*/Format-Serving", "Transform/transform_graph/*/transform_fn"):
        found = list(workspace.root.glob(f"pipelines/*/{kind}"))
        assert found
        for folder in found:
            check_model(folder)


REACHING = (
    "File", "Dataset", "Reader", "Queue", "Barrier", "PyFunc", "Rpc", "Collective", "Nccl", "TPU",
    "Summary", "Debug", "Restore", "Save", "Checkpoint", "Xla", "TRT", "TfLite", "Iterator",
)  # fmt: skip
"""In the names of operations that reach beyond a model, or wait for others."""


def test_the_list_holds_no_operation_that_reaches_beyond_a_model() -> None:
    names = listed_operations()
    assert len(names) > 900
    reaching = {name for name in names if any(word in name for word in REACHING)}
    assert reaching == {"ShardedFilename", "ShardedFilespec"}  # which only join text
    others = """
        Abort Copy CopyHost DecodeProtoV2 EncodeProto FixedUnigramCandidateSampler
        GenerateVocabRemapping ImmutableConst LoadAndRemapMatrix PrintV2 SymbolicGradient Timestamp
    """
    assert not names & set(others.split())


def test_each_operation_of_this_tensorflow_has_been_looked_at() -> None:
    """A newer TensorFlow's are put on the list, or below, by someone who knows what they do."""
    import tensorflow as tf

    left_out = set((Path(__file__).parent / "left_out_operations.txt").read_text().split())
    offered = {name for name in dir(tf.raw_ops) if name[0].isupper()}
    assert not listed_operations() & left_out
    assert offered - listed_operations() - left_out == set()


def test_a_name_is_told_without_what_a_terminal_would_act_on(tmp_path: Path, words: Path) -> None:
    from tests.taxiway.modeling.hostile import edited, save_with_vocabulary

    folder = save_with_vocabulary(tmp_path / "model", words)

    def name_it(message: Any) -> None:
        message.meta_graphs[0].graph_def.node.add(name="a", op="\x1b[2J" + "x" * 10_000)

    told = refusal(edited(folder, name_it))
    assert f"the operation ?[2J{'x' * 76} (in the graph): " in told
    assert "\x1b" not in told
