"""What each verb of a path does: one function each, in one table."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from taxiway.access.refusal import Code, Refusal
from taxiway.config.serving import Limits
from taxiway.modeling.names import CLASSIFY, REGRESS
from taxiway.process.code_digest import versions as releases
from taxiway.serving.decisions.rewards.posted import RewardSink, take_rewards
from taxiway.serving.gateway.http.messages import Reply, Request
from taxiway.serving.gateway.http.paths import Verb
from taxiway.serving.gateway.http.protocols import infer_body, ofrep, predict_body, tfs_documents
from taxiway.serving.gateway.http.protocols.json_text import read_object, write
from taxiway.serving.gateway.service import Service
from taxiway.serving.gateway.tracing import continued
from taxiway.serving.requests.ask import Answer, Ask, Described
from taxiway.serving.requests.heads import served

T = TypeVar("T")

_LARGE_BYTES: Final = 256 * 1024
"""A body from this size on is read in a thread: others are answered meanwhile."""
_LARGE_ROWS: Final = 2_000
"""As _LARGE_BYTES, of answers."""
_HEADER_LENGTH: Final = b"inference-header-content-length"


@dataclass(frozen=True)
class Gateway:
    """What verbs are given beside the request."""

    service: Service
    limits: Limits
    rewards: RewardSink | None = None


async def _apart(large: bool, work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work) if large else work()


async def predict(gateway: Gateway, request: Request) -> Reply:
    """TensorFlow Serving's :predict."""
    asked = await _read(gateway, request, predict_body.predict)
    answer = await _answered(gateway, request, asked)

    def written() -> bytes:
        outputs = answer.outputs
        if asked.signature in (CLASSIFY, REGRESS):
            outputs = served(asked.signature, outputs, _classes(gateway, request, answer))
        return tfs_documents.predictions(outputs, by_row=asked.by_row)

    return Reply(await _apart(asked.rows > _LARGE_ROWS, written))


async def classify(gateway: Gateway, request: Request) -> Reply:
    """TensorFlow Serving's :classify."""
    asked = await _read(gateway, request, predict_body.examples)
    answer = await _answered(gateway, request, asked)
    classes = _classes(gateway, request, answer)
    return Reply(tfs_documents.classifications(answer.outputs, classes))


async def regress(gateway: Gateway, request: Request) -> Reply:
    """TensorFlow Serving's :regress."""
    asked = await _read(gateway, request, predict_body.examples)
    answer = await _answered(gateway, request, asked)
    return Reply(tfs_documents.regressions(answer.outputs))


async def status(gateway: Gateway, request: Request) -> Reply:
    """TensorFlow Serving's status: of one version, or of all."""
    path = request.path
    if path.version or path.label:
        versions = [gateway.service.describe(path.model, path.version, path.label)]
    else:
        versions = gateway.service.versions(path.model)
    return Reply(tfs_documents.status(versions))


async def metadata(gateway: Gateway, request: Request) -> Reply:
    """TensorFlow Serving's metadata."""
    return Reply(tfs_documents.metadata(_described(gateway, request)))


async def infer(gateway: Gateway, request: Request) -> Reply:
    """The Open Inference Protocol's infer."""
    version = _described(gateway, request)
    length = request.headers.get(_HEADER_LENGTH)
    if length is not None and not (length.isdigit() and len(length) < 12):
        raise Refusal(Code.INVALID, "Inference-Header-Content-Length: expected a number of bytes")

    def read() -> infer_body.Inferred:
        head = None if length is None else int(length)
        return infer_body.infer(request.body, head, version, gateway.limits.rows)

    asked = await _apart(len(request.body) > _LARGE_BYTES, read)
    ask = _ask(gateway, request, asked, "oip-rest", asked.timeout_seconds)
    answer = await _asked(gateway, request, ask)

    def written() -> tuple[bytes, int]:
        return infer_body.answered(asked, answer, request.path.model, request.request_id)

    body, head = await _apart(asked.rows > _LARGE_ROWS, written)
    if head == len(body):
        return Reply(body)
    length_header = [(_HEADER_LENGTH, b"%d" % head)]
    return Reply(body, content_type=b"application/octet-stream", headers=length_header)


async def model(gateway: Gateway, request: Request) -> Reply:
    """The Open Inference Protocol's metadata of a model."""
    versions = gateway.service.versions(request.path.model)
    return Reply(infer_body.metadata(_described(gateway, request), versions))


async def model_ready(gateway: Gateway, request: Request) -> Reply:
    """Whether a model, or one version of it, answers."""
    is_ready = _described(gateway, request).state == "AVAILABLE"
    document = {"name": request.path.model, "ready": is_ready}
    return Reply(write(document), 200 if is_ready else 503)


async def server(_: Gateway, __: Request) -> Reply:
    """The Open Inference Protocol's metadata of the server."""
    document = {
        "name": "taxiway",
        "version": releases(("taxiway",)).get("taxiway", ""),
        "extensions": ["binary_tensor_data"],
    }
    return Reply(write(document))


async def live(_: Gateway, __: Request) -> Reply:
    """That the gateway's loop runs."""
    return Reply(b'{"live":true}')


async def ready(gateway: Gateway, _: Request) -> Reply:
    """Whether every model has a version that answers."""
    is_ready = gateway.service.ready()
    return Reply(write({"ready": is_ready}), 200 if is_ready else 503)


async def rewards(gateway: Gateway, request: Request) -> Reply:
    """What came of decisions, for their log."""
    model = request.path.model
    gateway.service.versions(model)  # refuses one that is not served here
    if gateway.rewards is None:
        raise Refusal(Code.NOT_FOUND, "Not Found: no decisions are logged here")
    return Reply(await take_rewards(gateway.rewards, model, request.body))


async def flag(gateway: Gateway, request: Request) -> Reply:
    """OFREP's evaluation of one flag."""
    evaluation = ofrep.evaluation(request.body, request.headers, request.request_id)
    document, request.answer = ofrep.evaluated(gateway.service, request.path.model, evaluation)
    return Reply(write(document))


async def flags(gateway: Gateway, request: Request) -> Reply:
    """OFREP's evaluation of all flags."""
    evaluation = ofrep.evaluation(request.body, request.headers, request.request_id)
    return _unless_known(request, ofrep.all_evaluated(gateway.service, evaluation))


async def configuration(_: Gateway, request: Request) -> Reply:
    """What OFREP's providers may know of the server."""
    return _unless_known(request, ofrep.CONFIGURATION)


VERBS: Final[Mapping[Verb, Callable[[Gateway, Request], Awaitable[Reply]]]] = {
    Verb.PREDICT: predict,
    Verb.CLASSIFY: classify,
    Verb.REGRESS: regress,
    Verb.REWARDS: rewards,
    Verb.STATUS: status,
    Verb.METADATA: metadata,
    Verb.INFER: infer,
    Verb.MODEL: model,
    Verb.MODEL_READY: model_ready,
    Verb.SERVER: server,
    Verb.LIVE: live,
    Verb.READY: ready,
    Verb.FLAG: flag,
    Verb.FLAGS: flags,
    Verb.CONFIGURATION: configuration,
}


def _unless_known(request: Request, document: Mapping[str, Any]) -> Reply:
    tag = ofrep.etag(document)
    known = [one.strip() for one in request.headers.get(b"if-none-match", b"").split(b",")]
    headers = [(b"etag", tag)]
    if tag in known or b"W/" + tag in known:
        return Reply(b"", 304, headers=headers)
    return Reply(write(document), headers=headers)


async def _read(
    gateway: Gateway,
    request: Request,
    read: Callable[[Mapping[str, Any], Callable[[], Described], int], predict_body.Asked],
) -> predict_body.Asked:
    body, most = request.body, gateway.limits.rows
    if len(body) <= _LARGE_BYTES:
        return read(read_object(body), lambda: _described(gateway, request), most)
    version = _described(gateway, request)  # here, for a service is of the loop's thread
    return await asyncio.to_thread(lambda: read(read_object(body), lambda: version, most))


async def _answered(gateway: Gateway, request: Request, asked: predict_body.Asked) -> Answer:
    return await _asked(gateway, request, _ask(gateway, request, asked, "tfs-rest"))


async def _asked(gateway: Gateway, request: Request, ask: Ask) -> Answer:
    """The service's answer, within a span of who asked where one is told of."""
    request.ask = ask
    if not request.traceparent:
        request.answer = await gateway.service.ask(ask)
        return request.answer
    state = request.headers.get(b"tracestate", b"").decode("latin-1")
    with continued(f"{ask.protocol} {ask.model}", request.traceparent, state) as handed:
        ask.traceparent = handed.get("traceparent", "")
        request.answer = await gateway.service.ask(ask)
    return request.answer


def _ask(
    gateway: Gateway,
    request: Request,
    asked: predict_body.Asked | infer_body.Inferred,
    protocol: Literal["tfs-rest", "oip-rest"],
    timeout_seconds: float = 0.0,
) -> Ask:
    path = request.path
    return Ask(
        path.model,
        asked.rows,
        asked.columns,
        asked.examples,
        version=path.version,
        label=path.label,
        key=request.key(),
        request_id=request.request_id,
        deadline=request.deadline(gateway.limits.seconds, timeout_seconds),
        protocol=protocol,
        headers=request.headers,
    )


def _described(gateway: Gateway, request: Request) -> Described:
    path = request.path
    return gateway.service.describe(path.model, path.version, path.label)


def _classes(gateway: Gateway, request: Request, answer: Answer) -> Sequence[str]:
    """Of the version that answered."""
    return gateway.service.describe(request.path.model, answer.version).classes
