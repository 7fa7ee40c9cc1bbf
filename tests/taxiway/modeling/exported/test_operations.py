"""A SavedModel is looked at before it is loaded: which operations it may have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from taxiway.modeling.exported.operations import check_model, listed_operations
from tests.conftest import Run
from tests.taxiway.modeling.exported.refusals import EDIT, OUTSIDE, refusal

pytestmark = pytest.mark.pipeline


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
    from tests.taxiway.modeling.exported.hostile import save

    for operation, body in bodies().items():
        told = refusal(save(tmp_path / operation, body))
        assert told.startswith(f"{tmp_path}/{operation} has the operation {operation} (in "), told
        assert told.endswith(f"): {OUTSIDE}\n  edit: {EDIT}"), told
        check_model(tmp_path / operation, [operation])


def test_it_is_found_wherever_it_stands(tmp_path: Path) -> None:
    import tensorflow as tf

    from tests.taxiway.modeling.exported.hostile import save, save_that_loads

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
    from tests.taxiway.modeling.exported.hostile import save

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

    from tests.taxiway.modeling.exported.hostile import save

    check_model(save(tmp_path / "stream", lambda examples: tf.print(examples)))
    told = refusal(
        save(tmp_path / "file", lambda _: tf.print("x", output_stream="file:///tmp/never"))
    )
    assert "has the operation PrintV2 to a file (in " in told
    check_model(tmp_path / "file", ["PrintV2"])


def test_a_function_that_is_named_like_an_operation_is_refused(tmp_path: Path, words: Path) -> None:
    from tests.taxiway.modeling.exported.hostile import edited, save_with_vocabulary

    folder = save_with_vocabulary(tmp_path / "model", words)

    def name_it(message: Any) -> None:
        added = message.meta_graphs[0].graph_def.library.function.add()
        added.signature.name = "ReadFile"

    told = refusal(edited(folder, name_it))
    assert told == (
        f"{folder} has the operation ReadFile (in a function of that name): {OUTSIDE}\n"
        f"  edit: {EDIT}"
    )


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
    from tests.taxiway.modeling.exported.hostile import edited, save_with_vocabulary

    folder = save_with_vocabulary(tmp_path / "model", words)

    def name_it(message: Any) -> None:
        message.meta_graphs[0].graph_def.node.add(name="a", op="\x1b[2J" + "x" * 10_000)

    told = refusal(edited(folder, name_it))
    assert f"the operation ?[2J{'x' * 76} (in the graph): " in told
    assert "\x1b" not in told
