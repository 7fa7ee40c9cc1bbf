"""A Kubeflow Pipelines server in memory: the part of its REST API that submitting needs."""

from __future__ import annotations

import itertools
import json
import re
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CREATED = "2026-01-02T03:04:05Z"
API = "/apis/v2beta1"


@dataclass
class Call:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Answer:
    """What is sent back."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


Rule = Callable[[Call], "Answer | None"]


class Kfp:
    """The state of the server, the calls it got, and rules that answer in its place.

    Args:
      multi_user: as healthz tells it.
      prefix: path in front of the API, such as /pipeline.
      version: as healthz tells it; the key is the API server's, or that of the UI in front of it.
    """

    def __init__(
        self,
        multi_user: bool = False,
        prefix: str = "",
        version: tuple[str, str] = ("tag_name", "2.17.0"),
    ) -> None:
        self.multi_user = multi_user
        self.version = version
        self.prefix = prefix
        self.calls: list[Call] = []
        self.rules: list[Rule] = []
        self.progress: list[Any] = []
        """What GET of a run answers, one after the other: a run, or an Answer; the last stays."""
        self.pipelines: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, dict[str, Any]] = {}
        self.experiments: dict[str, dict[str, Any]] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.recurring: dict[str, dict[str, Any]] = {}
        self.url = ""
        self._count = itertools.count(1)

    def made(self, path: str, method: str = "POST") -> list[Call]:
        """The calls of one method to one path."""
        return [call for call in self.calls if (call.method, call.path) == (method, API + path)]

    def answer(self, call: Call) -> Answer:
        """The answer to one call: a rule's, or that of the API."""
        for rule in self.rules:
            told = rule(call)
            if told is not None:
                return told
        for method, pattern, handle in self._routes():
            match = re.fullmatch(API + pattern, call.path)
            if match and method == call.method:
                return Answer(200, handle(call, *match.groups()))
        return problem(404, 5, "Not Found")

    def _routes(self) -> list[tuple[str, str, Callable[..., Any]]]:
        return [
            ("GET", "/healthz", self._healthz),
            ("GET", "/pipelines", lambda call: self._list("pipelines", call)),
            ("POST", "/pipelines/upload", self._upload),
            ("POST", "/pipelines/upload_version", self._upload_version),
            ("GET", "/pipelines/([^/]+)/versions", self._list_versions),
            ("GET", "/experiments", lambda call: self._list("experiments", call)),
            ("POST", "/experiments", lambda call: self._create("experiment", call)),
            ("POST", "/runs", lambda call: self._create("run", call)),
            ("GET", "/runs/([^/]+)", self._get_run),
            ("GET", "/recurringruns", self._list_recurring),
            ("POST", "/recurringruns", lambda call: self._create("recurring_run", call)),
            ("DELETE", "/recurringruns/([^/]+)", lambda _, one: self.recurring.pop(one) and {}),
        ]

    def _healthz(self, _: Call) -> Any:
        key, version = self.version
        return {"multi_user": self.multi_user, key: version, "commit_sha": "c0ffee"}

    def _new(self, kind: str, **more: Any) -> dict[str, Any]:
        return {f"{kind}_id": f"{kind}-{next(self._count)}", "created_at": CREATED, **more}

    def _upload(self, call: Call) -> Any:
        given = {key: call.query.get(key, "") for key in ("namespace", "description")}
        made = self._new("pipeline", display_name=call.query["name"], **given)
        self.pipelines[made["pipeline_id"]] = made
        self._add_version(made["pipeline_id"], call)  # named like the pipeline, as the server does
        return made

    def _upload_version(self, call: Call) -> Any:
        return self._add_version(call.query["pipelineid"], call)

    def _add_version(self, pipeline_id: str, call: Call) -> Any:
        made = self._new(
            "pipeline_version",
            pipeline_id=pipeline_id,
            display_name=call.query["name"],
            description=call.query.get("description", ""),
        )
        self.versions[made["pipeline_version_id"]] = made
        return made

    def _list(self, key: str, call: Call) -> Any:
        found = [
            one
            for one in getattr(self, key).values()
            if one["display_name"] == _name_in(call)
            and one.get("namespace", "") == call.query.get("namespace", "")
        ]
        return {key: found, "total_size": len(found)} if found else {}

    def _list_versions(self, call: Call, pipeline_id: str) -> Any:
        """One version a page, so that whoever reads only the first page is found out."""
        mine = [one for one in self.versions.values() if one["pipeline_id"] == pipeline_id]
        start = int(call.query.get("page_token") or 0)
        more = {"next_page_token": str(start + 1)} if start + 1 < len(mine) else {}
        found = mine[::-1][start : start + 1]
        return {"pipeline_versions": found, "total_size": len(mine), **more}

    def _list_recurring(self, call: Call) -> Any:
        found = [
            one
            for one in self.recurring.values()
            if one["display_name"] == _name_in(call)
            and one["experiment_id"] == call.query["experiment_id"]
        ]
        return {"recurringRuns": found, "total_size": len(found)} if found else {}

    def _create(self, kind: str, call: Call) -> Any:
        made = self._new(kind, **call.body)
        where = {"experiment": self.experiments, "run": self.runs, "recurring_run": self.recurring}
        if kind == "experiment":
            made["storage_state"] = "AVAILABLE"
        where[kind][made[f"{kind}_id"]] = made
        return made

    def _get_run(self, _: Call, run_id: str) -> Any:
        return self.runs[run_id]


def problem(status: int, code: int, message: str) -> Answer:
    """A refusal in the shape of the API's gateway."""
    return Answer(status, {"code": code, "message": message, "details": []})


def task(name: str, state: str, seconds: int | None = None) -> dict[str, Any]:
    """A task of a run as GET tells it; without an end it is that of 1970."""
    end = "1970-01-01T00:00:00Z" if seconds is None else f"2026-01-02T03:04:{5 + seconds:02d}Z"
    return {
        "run_id": "run",
        "task_id": f"id-{name}",
        "display_name": name,
        "create_time": CREATED,
        "start_time": CREATED,
        "end_time": end,
        "state": state,
    }


def run(state: str, *tasks: dict[str, Any], error: str = "") -> dict[str, Any]:
    """A run as GET tells it."""
    more = {"error": {"code": 2, "message": error, "details": []}} if error else {}
    return {"run_id": "run", "state": state, "run_details": {"task_details": [*tasks]}, **more}


@contextmanager
def serving(kfp: Kfp) -> Iterator[Kfp]:
    """Serves on a free port of this host while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _handle(self, kfp)

        do_POST = do_DELETE = do_GET  # noqa: N815  # http.server's names

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    kfp.url = f"http://127.0.0.1:{server.server_port}{kfp.prefix}"
    try:
        yield kfp
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handle(handler: BaseHTTPRequestHandler, kfp: Kfp) -> None:
    length = int(handler.headers.get("Content-Length") or 0)
    raw = handler.rfile.read(length)
    parts = urllib.parse.urlsplit(handler.path)
    call = Call(
        handler.command,
        parts.path.removeprefix(kfp.prefix),
        dict(urllib.parse.parse_qsl(parts.query)),
        dict(handler.headers),
        _body(handler.headers.get("Content-Type", ""), raw),
    )
    kfp.calls.append(call)
    if kfp.progress and re.fullmatch(f"{API}/runs/[^/]+", call.path):
        told = kfp.progress.pop(0) if len(kfp.progress) > 1 else kfp.progress[0]
        answer = told if isinstance(told, Answer) else Answer(200, told)
    elif not parts.path.startswith(kfp.prefix):
        answer = problem(404, 5, "Not Found")
    else:
        answer = kfp.answer(call)
    text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
    handler.send_response(answer.status)
    headers = {"Content-Type": "application/json", "Content-Length": str(len(text.encode()))}
    for key, value in (headers | answer.headers).items():
        handler.send_header(key, value)
    handler.end_headers()
    handler.wfile.write(text.encode())


def _body(kind: str, raw: bytes) -> Any:
    if kind.startswith("multipart/form-data"):
        message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + raw, policy=HTTP)
        (part,) = message.iter_parts()  # type: ignore[attr-defined]  # it is a multipart message
        return {"filename": part.get_filename(), "text": part.get_payload(decode=True).decode()}
    return json.loads(raw) if raw else None


def _name_in(call: Call) -> str:
    (predicate,) = json.loads(call.query["filter"])["predicates"]
    assert predicate["operation"] in ("EQUALS", 1)  # 1 is how kfp.Client itself writes it
    assert predicate["key"] == "display_name"
    return str(predicate["stringValue"])
