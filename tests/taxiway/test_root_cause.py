"""What an exception is about: one line, from below framing and chains; and whether it may pass."""

from __future__ import annotations

import errno
import os
import re

import pyarrow as pa
import pytest

from taxiway.errors import TaxiwayError, did_you_mean
from taxiway.root_cause import cannot_pass, may_pass, root_cause


def caused(outer: BaseException, inner: BaseException) -> BaseException:
    """`raise outer from inner`."""
    outer.__cause__ = inner
    return outer


def while_handling(outer: BaseException, inner: BaseException) -> BaseException:
    """`raise outer` within `except inner`."""
    outer.__context__ = inner
    return outer


GRAPH = """Graph execution error:

Detected at node StringToNumber defined at (most recent call last):
  File "/models/parcels/features.py", line 8, in preprocessing_fn

  File "<frozen runpy>", line 196, in _run_module_as_main

StringToNumberOp could not correctly convert string: abc
\t [[{{node StringToNumber}}]] [Op:__inference_g_6]"""
OLD_GRAPH = """Graph execution error:

Detected at node 'x/Assert' defined at (most recent call last):
<stack traces unavailable>
Node: 'x/Assert'
2 root error(s) found.
  (0) INVALID_ARGUMENT:  assertion failed: [too large] [5]
\t [[{{node x/Assert}}]]
  (1) INVALID_ARGUMENT:  assertion failed: [too large] [6]"""
USER_CODE = """in user code:

    File "/models/parcels/features.py", line 12, in preprocessing_fn  *
        return d["faree"]

    KeyError: 'faree'
"""
KERAS = (
    "Exception encountered when calling Dense.call().\n\n"
    '\x1b[1mInput 0 of layer "dense" is incompatible\x1b[0m\n\n'
    "Arguments received by Dense.call():\n  • inputs=tf.Tensor(shape=(2, 4))"
)
PORTABLE_BEAM = """bundle inst002 stage-005 failed:Traceback (most recent call last):
  File "apache_beam/runners/common.py", line 1495, in apache_beam.runners.common.DoFnRunner.process
  File "/models/m.py", line 5, in boom
    raise ValueError(
    ^^^^^^^^^^^^^^^^^
ValueError: bad row 7

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "sdk_worker.py", line 289, in _execute
    response = task()
RuntimeError: bad row 7 [while running 'Lab-ptransform-21']
"""
RPC = """<_InactiveRpcError of RPC that terminated with:
\tstatus = StatusCode.UNAVAILABLE
\tdetails = "failed to connect to all addresses"
\tdebug_error_string = "{created:...}"
>"""


class Mute(Exception):  # noqa: N818  # its name is not the point
    """Not even its str() works."""

    def __str__(self) -> str:
        raise ZeroDivisionError


TOLD: dict[str, tuple[BaseException, str]] = {
    "a plain error": (ValueError("shape (3,) is not (4,)"), "ValueError: shape (3,) is not (4,)"),
    "lines before and after": (ValueError("\n \nfirst\nsecond"), "ValueError: first"),
    "a line that only leads on": (
        ValueError("Found errors:\n\ncolumn a is missing\nmore"),
        "ValueError: Found errors: column a is missing",
    ),
    "no word": (MemoryError(), "MemoryError: no message"),
    "nothing that can be told": (Mute(), "Mute: no message"),
    "a key": (KeyError("faree"), "KeyError: 'faree'"),
    "a graph": (
        RuntimeError(GRAPH),
        "RuntimeError: StringToNumberOp could not correctly convert string: abc",
    ),
    "an older TensorFlow's graph": (
        RuntimeError(OLD_GRAPH),
        "RuntimeError: assertion failed: [too large] [5]",
    ),
    "TensorFlow's eager framing": (
        RuntimeError("{{function_node __wrapped__X_device_/job:localhost}} /none; No such file"),
        "RuntimeError: /none; No such file",
    ),
    "user code": (RuntimeError(USER_CODE), "KeyError: 'faree'"),
    "user code in a KeyError, whose words are a repr": (KeyError(USER_CODE), "KeyError: 'faree'"),
    "Keras, in bold": (
        ValueError(KERAS),
        'ValueError: Input 0 of layer "dense" is incompatible',
    ),
    "Beam's label": (
        caused(ValueError("bad row 1 [while running 'A/B [x]']"), ValueError("bad row 1")),
        "ValueError: bad row 1",
    ),
    "Beam around a graph's error": (
        caused(RuntimeError(f"a.b.InvalidArgumentError: {GRAPH}"), LookupError(GRAPH)),
        "LookupError: StringToNumberOp could not correctly convert string: abc",
    ),
    "a traceback as a message": (RuntimeError(PORTABLE_BEAM), "ValueError: bad row 7"),
    "a remote procedure": (RuntimeError(RPC), "RuntimeError: failed to connect to all addresses"),
    "a cause that is quoted": (
        caused(ValueError("no column 'k' in a.csv"), KeyError("k")),
        "ValueError: no column 'k' in a.csv",
    ),
    "a cause that is not": (
        caused(RuntimeError("Run[Trainer] failed"), caused(ValueError("x"), OSError("disk"))),
        "RuntimeError: Run[Trainer] failed (caused by OSError: disk)",
    ),
    "an error while another was handled": (
        while_handling(RuntimeError("cleanup failed"), ValueError("bad row")),
        "RuntimeError: cleanup failed (caused by ValueError: bad row)",
    ),
    "a long one": (ValueError("x" * 91_888), f"ValueError: {'x' * 485}..."),
}


@pytest.mark.parametrize("case", TOLD)
def test_the_cause_is_told_in_one_line(case: str) -> None:
    error, told = TOLD[case]
    assert root_cause(error) == told


def test_a_context_that_was_cut_off_is_not_told() -> None:
    error = while_handling(ValueError("wrong"), KeyError("inner"))
    error.__suppress_context__ = True
    assert root_cause(error) == "ValueError: wrong"


def test_a_chain_that_bites_its_tail_ends() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert root_cause(one) == "ValueError: one (caused by ValueError: other)"


def named(name: str, base: type[Exception] = Exception) -> BaseException:
    """As a library's own error, known by the name of its class."""
    return type(name, (base,), {})("away")


PASSES: dict[str, tuple[BaseException, bool]] = {
    "a connection": (ConnectionResetError("reset"), True),
    "a time-out": (TimeoutError("late"), True),
    "memory": (MemoryError(), True),
    "a busy device": (OSError(errno.EIO, os.strerror(errno.EIO)), True),
    "a stale mount": (OSError(errno.ESTALE, os.strerror(errno.ESTALE)), True),
    "a worker that leaves": (SystemExit(3), True),
    "TensorFlow's unavailable": (named("UnavailableError"), True),
    "a class below one that passes": (named("Odd", type("AbortedError", (Exception,), {})), True),
    "a connection far down": (caused(ValueError("x"), ConnectionRefusedError("no")), True),
    "a missing file": (FileNotFoundError(errno.ENOENT, "gone"), False),
    "a forbidden file": (PermissionError(errno.EACCES, "no"), False),
    "a full disk": (OSError(errno.ENOSPC, "full"), False),
    "a file system without writing": (OSError(errno.EROFS, "read-only"), False),
    "a missing SavedModel": (OSError("SavedModel file does not exist at: /x"), False),
    "Arrow's invalid": (pa.ArrowInvalid("CSV parse error"), False),
    "what Arrow has not": (pa.ArrowNotImplementedError("is_nan has no kernel"), False),
    "another encoding": (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), False),
    "TensorFlow's invalid": (named("InvalidArgumentError"), False),
    "TensorFlow's not found": (named("NotFoundError"), False),
    "an error in code": (AttributeError("None has no x"), False),
    "our own, from a connection": (caused(TaxiwayError("x"), ConnectionError("y")), False),
}


@pytest.mark.parametrize("case", PASSES)
def test_only_what_another_try_can_mend_may_pass(case: str) -> None:
    error, passes = PASSES[case]
    assert may_pass(error) is passes
    assert not (passes and cannot_pass(error))


@pytest.mark.parametrize(
    ("error", "known"),
    [
        (KeyError("k"), True),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), True),
        (pa.ArrowInvalid("CSV parse error"), True),
        (named("InvalidArgumentError"), True),
        (caused(RuntimeError("framing"), TypeError("x")), True),
        (caused(ValueError("x"), ConnectionError("y")), False),
        (RuntimeError("who knows"), False),
        (FileNotFoundError(errno.ENOENT, "a mount that is late"), False),
    ],
)
def test_what_is_known_not_to_pass_is_told_from_what_is_not_known(
    error: BaseException, known: bool
) -> None:
    assert cannot_pass(error) is known


@pytest.mark.pipeline
class TestTensorFlowsOwn:
    """The framing as the installed TensorFlow and Keras write it."""

    def test_a_graph_that_fails_is_told_by_what_failed_in_it(self) -> None:
        import tensorflow as tf

        @tf.function
        def convert(text: object) -> object:
            return tf.strings.to_number(text)

        with pytest.raises(tf.errors.InvalidArgumentError) as raised:
            convert(tf.constant(["abc"]))
        assert root_cause(raised.value) == (
            "InvalidArgumentError: StringToNumberOp could not correctly convert string: abc"
        )
        assert not may_pass(raised.value)

    def test_an_error_in_traced_code_is_told_as_it_was_raised(self) -> None:
        import tensorflow as tf

        @tf.function
        def traced(row: object) -> object:
            return {}["faree"]

        with pytest.raises(KeyError) as raised:
            traced(tf.constant(1))
        assert root_cause(raised.value) == "KeyError: 'faree'"

    def test_a_layer_that_refuses_is_told_without_the_layers_around_it(self) -> None:
        import keras
        import numpy as np

        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        with pytest.raises(ValueError, match="encountered") as raised:
            model(np.zeros((2, 4)))
        told = root_cause(raised.value)
        assert re.match(r"ValueError: Input 0 .*of layer ", told)
        assert "\x1b" not in told

    def test_a_class_that_may_pass_is_known(self) -> None:
        import tensorflow as tf

        for kind in (tf.errors.UnavailableError, tf.errors.AbortedError):
            assert may_pass(kind(None, None, "away"))
        for kind in (tf.errors.InvalidArgumentError, tf.errors.NotFoundError):
            assert not may_pass(kind(None, None, "wrong"))


class TestBounds:
    def test_a_word_of_any_length_is_looked_up_in_no_time(self) -> None:
        assert did_you_mean("x" * 1_000_000, ["x" * 1_000_000]) == ""
