"""The part of a SavedModel that says what it does, read without TensorFlow.

`saved_model.pb` is a protocol buffer of TensorFlow's own types, which only `import tensorflow`
brings, in seconds and with hundreds of megabytes. What is needed of them here is declared below
with the same field numbers: protobuf skips the rest, constants and weights above all.
"""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from taxiway.errors import TaxiwayError

GRAPH_FILE: Final = "saved_model.pb"
MOST_BYTES: Final = 512 * 2**20
"""Of saved_model.pb; weights are in other files. TensorFlow itself stops at 2 GB."""

_OTHER_GRAPH_FILES: Final = ("saved_model.cpb", "saved_model.pbtxt")
"""Which TensorFlow would read before, or instead of, saved_model.pb."""

_ASSETS_COLLECTION: Final = "saved_model_assets"
_BYTES, _TEXT, _INT = "bytes", "string", "int32"
# message -> field -> (number, type, repeated); tensorflow/core/protobuf and core/framework
_FIELDS: Final[Mapping[str, Mapping[str, tuple[int, str, bool]]]] = {
    "SavedModel": {"meta_graphs": (2, "MetaGraph", True)},
    "MetaGraph": {
        "graph_def": (2, "Graph", False),
        "saver_def": (3, "Saver", False),
        "collection_def": (4, "CollectionEntry", True),
        "signature_def": (5, "SignatureEntry", True),
        "asset_file_def": (6, "Asset", True),
        "object_graph_def": (7, "ObjectGraph", False),
    },
    "Graph": {"node": (1, "Node", True), "library": (2, "Library", False)},
    "Library": {"function": (1, "Function", True)},
    "Function": {"signature": (1, "Signature", False), "node_def": (3, "Node", True)},
    "Signature": {"name": (1, _TEXT, False), "input_arg": (2, "Argument", True)},
    "Argument": {"name": (1, _TEXT, False)},
    "Node": {
        "name": (1, _TEXT, False),
        "op": (2, _TEXT, False),
        "input": (3, _TEXT, True),
        "attr": (5, "AttributeEntry", True),
    },
    "AttributeEntry": {"key": (1, _TEXT, False), "value": (2, "Attribute", False)},
    "Attribute": {
        "list": (1, "AttributeList", False),
        "s": (2, _BYTES, False),
        "func": (10, "FunctionName", False),
    },
    "AttributeList": {"func": (9, "FunctionName", True)},
    "FunctionName": {"name": (1, _TEXT, False), "attr": (2, "AttributeEntry", True)},
    "Saver": {
        "filename_tensor_name": (1, _TEXT, False),
        "save_tensor_name": (2, _TEXT, False),
        "restore_op_name": (3, _TEXT, False),
    },
    "CollectionEntry": {"key": (1, _TEXT, False), "value": (2, "Collection", False)},
    "Collection": {"node_list": (1, "NodeList", False), "any_list": (5, "AnyList", False)},
    "NodeList": {"value": (1, _TEXT, True)},
    "AnyList": {"value": (1, "Any", True)},
    "Any": {"value": (2, _BYTES, False)},
    "SignatureEntry": {"key": (1, _TEXT, False), "value": (2, "SignatureDef", False)},
    "SignatureDef": {"outputs": (2, "OutputEntry", True)},
    "OutputEntry": {"key": (1, _TEXT, False), "value": (2, "TensorInfo", False)},
    "TensorInfo": {
        "name": (1, _TEXT, False),
        "coo_sparse": (4, "SparseInfo", False),
        "composite_tensor": (5, "CompositeInfo", False),
    },
    "SparseInfo": {
        "values_tensor_name": (1, _TEXT, False),
        "indices_tensor_name": (2, _TEXT, False),
        "dense_shape_tensor_name": (3, _TEXT, False),
    },
    "CompositeInfo": {"components": (2, "TensorInfo", True)},
    "Asset": {"tensor_info": (1, "TensorInfo", False), "filename": (2, _TEXT, False)},
    "ObjectGraph": {
        "nodes": (1, "Object", True),
        "concrete_functions": (2, "ConcreteEntry", True),
    },
    "ConcreteEntry": {"key": (1, _TEXT, False), "value": (2, "Concrete", False)},
    "Concrete": {"bound_inputs": (2, _INT, True)},
    # one of these it is; the last in the file counts, so that one that has two is not trusted
    "Object": {
        "user_object": (4, "Something", False),
        "asset": (5, "Something", False),
        "function": (6, "Something", False),
        "variable": (7, "Something", False),
        "bare_concrete_function": (8, "Something", False),
        "constant": (9, "Something", False),
        "resource": (10, "Something", False),
        "captured_tensor": (12, "Something", False),
    },
    "Something": {},
}
_SCALARS: Final = {
    _TEXT: descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    _BYTES: descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
    _INT: descriptor_pb2.FieldDescriptorProto.TYPE_INT32,
}
_PACKAGE: Final = "taxiway.saved_model"


class ModelRefused(TaxiwayError):  # noqa: N818  # nothing went wrong: it was looked at and refused
    """A SavedModel that no process is to load, and why."""


def read_saved_model(folder: str) -> Any:
    """The SavedModel message, with the fields above.

    Args:
      folder: the SavedModel; a path of this machine, or an address that TensorFlow opens.

    Raises:
      ModelRefused: it is none, is too large, or has files that lead out of it.
    """
    local = "://" not in folder
    if local:
        _check_files(Path(folder))
    data = _read_local(Path(folder)) if local else _read_remote(folder)
    model = _types()["SavedModel"]()
    try:
        model.ParseFromString(data)
    except (message.DecodeError, RecursionError, ValueError) as error:
        raise ModelRefused(
            f"{folder}/{GRAPH_FILE} is no SavedModel: {str(error)[:200] or 'it cannot be parsed'}",
            edit="the model",
        ) from None
    return model


def assets_of(graph: Any) -> list[Any]:
    """The assets of a meta graph, where TensorFlow's loader looks for them: first in their field.

    Raises:
      ModelRefused: something else is there.
    """
    if graph.asset_file_def:
        return list(graph.asset_file_def)
    packed = (
        one.value
        for collection in graph.collection_def
        if collection.key == _ASSETS_COLLECTION
        for one in collection.value.any_list.value
    )
    try:
        return [_types()["Asset"].FromString(value) for value in packed]
    except message.DecodeError:
        raise ModelRefused("the model has assets that cannot be parsed", edit="the model") from None


def _check_files(folder: Path) -> None:
    """Refuses links that lead out of the folder, and what is neither file nor folder."""
    if not folder.is_dir():
        raise ModelRefused(f"{folder} is no folder, expected a SavedModel", edit="the model")
    root = Path(os.path.realpath(folder))
    for place, folders, files in os.walk(root):
        for path in (Path(place, name) for name in (*folders, *files)):
            target = Path(os.path.realpath(path))
            if not target.is_relative_to(root):
                raise ModelRefused(
                    f"{folder}/{path.relative_to(root)} is a link out of the model's folder, to "
                    f"{target}; expected a file",
                    edit="the model",
                )
            mode = target.lstat().st_mode if target.exists() else 0
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise ModelRefused(
                    f"{folder}/{path.relative_to(root)} is neither a file nor a folder",
                    edit="the model",
                )
    for name in _OTHER_GRAPH_FILES:
        if (root / name).exists():
            raise _other_format(str(folder), name)


def _read_local(folder: Path) -> bytes:
    path = folder / GRAPH_FILE
    try:
        size = path.stat().st_size
        _check_size(str(folder), size)
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(str(folder), error.strerror or str(error)) from error


def _read_remote(folder: str) -> bytes:
    import tensorflow as tf

    files = tf.io.gfile
    try:
        for name in _OTHER_GRAPH_FILES:
            if files.exists(f"{folder}/{name}"):
                raise _other_format(folder, name)
        path = f"{folder}/{GRAPH_FILE}"
        _check_size(folder, files.stat(path).length)
        with files.GFile(path, "rb") as file:
            return bytes(file.read())
    except tf.errors.OpError as error:
        raise _unreadable(folder, error.message) from error


def _check_size(folder: str, size: int) -> None:
    if size > MOST_BYTES:
        raise ModelRefused(
            f"{folder}/{GRAPH_FILE} has {size:,} bytes, expected at most {MOST_BYTES:,}",
            edit="the model",
        )


def _other_format(folder: str, name: str) -> ModelRefused:
    return ModelRefused(
        f"{folder} has {name}, which TensorFlow would read too; expected {GRAPH_FILE} alone",
        edit="the model",
    )


def _unreadable(folder: str, why: str) -> ModelRefused:
    return ModelRefused(
        f"{folder} is no SavedModel: {GRAPH_FILE} cannot be read: {why[:200]}", edit="the model"
    )


@functools.cache
def _types() -> Mapping[str, Any]:
    """Message classes by name."""
    file = descriptor_pb2.FileDescriptorProto(
        name="taxiway/saved_model.proto", package=_PACKAGE, syntax="proto3"
    )
    field_type = descriptor_pb2.FieldDescriptorProto
    for name, fields in _FIELDS.items():
        declared = file.message_type.add(name=name)
        for field, (number, kind, repeated) in fields.items():
            added = declared.field.add(
                name=field,
                number=number,
                label=field_type.LABEL_REPEATED if repeated else field_type.LABEL_OPTIONAL,
                type=_SCALARS.get(kind, field_type.TYPE_MESSAGE),
            )
            if kind not in _SCALARS:
                added.type_name = f".{_PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: _message_class(pool, name) for name in _FIELDS}


def _message_class(pool: Any, name: str) -> Any:
    descriptor = pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)  # protobuf 3
