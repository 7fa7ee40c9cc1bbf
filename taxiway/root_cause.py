"""What an exception is about, in one line, and whether another try can mend it.

Frameworks put the cause below what they have to say themselves: TensorFlow's "Graph execution
error:" and Keras's "in user code:" stand above frames, and the cause is beneath them; Beam adds
"[while running ...]"; Python chains exceptions. So the message is read from the top, without
frames and framing, to the first line that says something, and the chain from its end.
"""

from __future__ import annotations

import errno
import re
from typing import Final

from taxiway.errors import TaxiwayError

LINE_CHARACTERS: Final = 500
"""Of one exception; a chain has two at most."""
_CHAIN_LENGTH: Final = 50

_ANSI: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_NOISE: Final = re.compile(
    r"\{\{function_node [^}]*\}\} ?|\s*\[while running '[^\n]*'\]|\s*\[\[\{\{node [^\n]*?\}\}\]\]"
    r"|\s*\[Op:__inference_[^\]\n]*\]|(?<=\]) name: $",
    re.M,
)
_FRAME: Final = re.compile(r'\s*File "[^"]*", line \d+')
_FRAMING: Final = re.compile(
    r"""
    (?:[\w.]+:\s)?Graph\ execution\ error:$
    | Detected\ at\ node\b
    | in\ user\ code:$
    | Node:\s
    | <?stack\ traces?\ unavailable>?$
    | \d+\ root\ error\(s\)\ found\.?$
    | .*Traceback\ \(most\ recent\ call\ last\):$
    | During\ handling\ of\ the\ above\ exception,
    | The\ above\ exception\ was\ the\ direct\ cause
    | Exception\ encountered\ when\ calling\ .*\.$
    | Arguments\ received\ by\b
    | <_?\w*RpcError\ of\ RPC\ that\ (?:terminated|.*)\ with:$
    | status\ =\ StatusCode\.
    | \[\[\{\{node\b
    """,
    re.X,
)
_NUMBERED: Final = re.compile(r"^\(\d+\)\s+(?:[A-Z_]+:\s*)?|^details = ")
_NAMED: Final = re.compile(r"^[\w.]*(?:Error|Exception|Warning|Interrupt|Exit)\b\s*:\s+\S")

_TRANSIENT_ERRNO: Final = frozenset(
    {
        *(errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.EIO, errno.EMFILE, errno.ENFILE),
        *(errno.ENOMEM, errno.EPIPE, errno.ESTALE, errno.ETIMEDOUT, errno.ENETDOWN),
        *(errno.ENETUNREACH, errno.ENETRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENOBUFS),
        *(errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET, errno.ENOTCONN, errno.ENOLCK),
    }
)
_TRANSIENT: Final = (ConnectionError, TimeoutError, MemoryError, InterruptedError, SystemExit)
"""SystemExit: a worker that takes its leave is a worker that died."""
_TRANSIENT_NAMES: Final = frozenset(
    {
        *("AbortedError", "CancelledError", "DeadlineExceededError", "ResourceExhaustedError"),
        *("UnavailableError", "ServiceUnavailable", "TooManyRequests", "GatewayTimeout"),
        *("BadGateway", "InternalServerError", "DeadlineExceeded", "Aborted", "ConnectTimeout"),
        *("ConnectionError", "ReadTimeout", "ReadTimeoutError", "ProtocolError", "IncompleteRead"),
        *("ChunkedEncodingError", "CommClosedError", "SSLEOFError", "gaierror", "KilledWorker"),
        "Timeout",
    }
)
"""Of libraries that need not be there: TensorFlow, gRPC, Google's, requests, urllib3, Dask."""


_PERMANENT: Final = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError),
    *(NotImplementedError, SyntaxError, TypeError, ValueError),
)
_PERMANENT_NAMES: Final = frozenset(
    {
        *("InvalidArgumentError", "NotFoundError", "UnimplementedError", "OutOfRangeError"),
        *("PermissionDeniedError", "UnauthenticatedError", "ArrowNotImplementedError"),
    }
)


def root_cause(error: BaseException) -> str:
    """One line, such as `InvalidArgumentError: could not convert string: abc`.

    Where the exception was raised from another that it does not quote, both are told.
    """
    chain = _chain(error)
    top, root = chain[0], chain[-1]
    above, below = telling_line(top), telling_line(root)
    if above == below or above in below:
        return _line(root)
    return _line(top) if below in above else f"{_line(top)} (caused by {_line(root)})"


def telling_line(error: BaseException) -> str:
    """The first line of its own message that is neither a frame nor framing; may be empty."""
    lines = _telling(_ANSI.sub("", _message(error)))
    if not lines:
        return ""
    text = lines[0]
    for more in lines[1:3]:
        if not text.endswith(":"):
            break
        text = f"{text} {more}"
    return _NUMBERED.sub("", text).strip(" '\"") if _NUMBERED.match(text) else text


def may_pass(error: BaseException) -> bool:
    """Whether the same work may go well another time: time-outs, connections, memory, busy disks.

    Whatever is not known to pass is taken to come again: wrong data, a wrong graph, a missing
    file or an error in code cost a step three times its time otherwise.
    """
    return not isinstance(error, TaxiwayError) and any(map(_is_transient, _chain(error)))


def cannot_pass(error: BaseException) -> bool:
    """Whether it is known that the same work would end in the same way: a mistake, wrong values.

    Between this and `may_pass` is what is not known. A shard of a job is not tried again for that;
    a whole task on a cluster, which works with other services, is.
    """
    return not may_pass(error) and any(
        isinstance(one, _PERMANENT)
        or any(kind.__name__ in _PERMANENT_NAMES for kind in type(one).__mro__)
        for one in _chain(error)
    )


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, _TRANSIENT):
        return True
    if isinstance(error, OSError) and error.errno in _TRANSIENT_ERRNO:
        return True
    return any(kind.__name__ in _TRANSIENT_NAMES for kind in type(error).__mro__)


def _chain(error: BaseException) -> list[BaseException]:
    """From what was raised to what it was raised from, and so on to the first."""
    chain = [error]
    while len(chain) < _CHAIN_LENGTH:
        last = chain[-1]
        group = getattr(last, "exceptions", None)  # of an ExceptionGroup
        below = last.__cause__ or (None if last.__suppress_context__ else last.__context__)
        if below is None and isinstance(group, tuple) and group:
            below = group[0] if isinstance(group[0], BaseException) else None
        if below is None or below in chain:
            break
        chain.append(below)
    return chain


def _line(error: BaseException) -> str:
    text = telling_line(error)
    line = text if _NAMED.match(text) else f"{type(error).__name__}: {text or 'no message'}"
    return line if len(line) <= LINE_CHARACTERS else line[: LINE_CHARACTERS - 3] + "..."


def _message(error: BaseException) -> str:
    """What it says of itself, in full: a KeyError's own str() is a repr, with \\n for line ends."""
    first = error.args[0] if error.args else None
    try:
        if isinstance(error, KeyError) and isinstance(first, str) and "\n" in first:
            return first
        return str(error)
    except Exception:  # whoever cannot even be told must not hide that something failed
        return ""


def _telling(message: str) -> list[str]:
    """The lines without frames (and the code below each), framing and blank ones."""
    lines, frame = [], -1
    for line in _NOISE.sub("", message).splitlines():
        text = line.strip()
        indent = len(line) - len(line.lstrip())
        if _FRAME.match(line):
            frame = indent
        elif text and not (0 <= frame < indent):
            frame = -1
            if not _FRAMING.match(text):
                lines.append(text)
    return lines
