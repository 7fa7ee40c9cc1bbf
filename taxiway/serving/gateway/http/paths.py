"""Which protocol and which of its verbs a path is, and whose model it names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal
from urllib.parse import unquote_to_bytes

from taxiway.access.refusal import Code, Refusal

_Protocol = Literal["tfs-rest", "oip-rest", "ofrep"]


class Verb(Enum):
    """What a path does: its method, its name, and the protocol where it asks about a model."""

    def __init__(self, method: str, _: str, protocol: _Protocol | None = None) -> None:
        self.method = method
        self.protocol = protocol

    NONE = ("", "none")
    STATUS = ("GET", "status")
    METADATA = ("GET", "metadata")
    PREDICT = ("POST", "predict", "tfs-rest")
    CLASSIFY = ("POST", "classify", "tfs-rest")
    REGRESS = ("POST", "regress", "tfs-rest")
    REWARDS = ("POST", "rewards")
    SERVER = ("GET", "v2")
    LIVE = ("GET", "live")
    READY = ("GET", "ready")
    MODEL = ("GET", "model")
    MODEL_READY = ("GET", "model ready")
    INFER = ("POST", "infer", "oip-rest")
    FLAG = ("POST", "flag", "ofrep")
    FLAGS = ("POST", "flags")
    CONFIGURATION = ("GET", "configuration")


@dataclass(frozen=True)
class Path:
    """A path that is served here."""

    verb: Verb
    model: str = ""
    version: str = ""
    label: str = ""


NO_PATH: Final = Path(Verb.NONE)
"""Of a request whose path is not known."""

_ALONE: Final = {
    b"/v2": Verb.SERVER,
    b"/v2/health/live": Verb.LIVE,
    b"/v2/health/ready": Verb.READY,
    b"/ofrep/v1/evaluate/flags": Verb.FLAGS,
    b"/ofrep/v1/configuration": Verb.CONFIGURATION,
}
_TFS: Final = {b"predict": Verb.PREDICT, b"classify": Verb.CLASSIFY, b"regress": Verb.REGRESS}
_OIP: Final = {b"ready": Verb.MODEL_READY, b"infer": Verb.INFER}
_FLAGS: Final = b"/ofrep/v1/evaluate/flags/"


def read_path(raw: bytes) -> Path:
    """What a path means; its parts are percent-decoded after it is taken apart.

    Raises:
      Refusal: NOT_FOUND, it is served by no protocol; INVALID, a part is no UTF-8.
    """
    if raw in _ALONE:
        return Path(_ALONE[raw])
    if raw.rstrip(b"/") == b"/v1/models":
        raise Refusal(Code.INVALID, "Missing model name in request.")
    found = None
    if raw.startswith(b"/v1/models/"):
        found = _tensorflow_serving(raw[len(b"/v1/models/") :])
    elif raw.startswith(b"/v2/models/"):
        found = _open_inference(raw[len(b"/v2/models/") :].split(b"/"))
    elif raw.startswith(_FLAGS) and b"/" not in raw[len(_FLAGS) :]:
        found = Path(Verb.FLAG, _decoded(raw[len(_FLAGS) :]))
    if found is None or (not found.model and found.verb not in _ALONE.values()):
        raise Refusal(Code.NOT_FOUND, "Not Found: no protocol has this path here")
    return found


def _tensorflow_serving(raw: bytes) -> Path | None:
    """`M[/versions/N|/labels/L][:verb|/metadata]`; and `M/rewards`, which is Taxiway's own."""
    before, colon, method = raw.rpartition(b":")
    if colon:
        verb = _TFS.get(method)
        parts = before.split(b"/")
    else:
        verb = Verb.STATUS
        parts = raw.split(b"/")
        if len(parts) > 1 and parts[-1] == b"metadata" and len(parts) % 2 == 0:
            verb = Verb.METADATA
            parts.pop()
        elif len(parts) == 2 and parts[1] == b"rewards":
            verb = Verb.REWARDS
            parts.pop()
    return None if verb is None else _named(verb, parts, (b"versions", b"labels"))


def _open_inference(parts: list[bytes]) -> Path | None:
    """`M[/versions/V][/ready|/infer]`."""
    verb = Verb.MODEL
    if len(parts) % 2 == 0:
        last = _OIP.get(parts.pop())
        if last is None:
            return None
        verb = last
    return _named(verb, parts, (b"versions",))


def _named(verb: Verb, parts: list[bytes], kinds: tuple[bytes, ...]) -> Path | None:
    if len(parts) == 1:
        return Path(verb, _decoded(parts[0]))
    if len(parts) != 3 or parts[1] not in kinds or not parts[2]:
        return None
    model, which = _decoded(parts[0]), _decoded(parts[2])
    if parts[1] == b"labels":
        return Path(verb, model, label=which)
    return Path(verb, model, version=which)


def _decoded(part: bytes) -> str:
    try:
        return unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise Refusal(Code.INVALID, "the path has a part that is no UTF-8") from None
