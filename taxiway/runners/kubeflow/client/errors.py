"""What Kubeflow's refusals and silences mean, with the key to edit; never with the token."""

from __future__ import annotations

import functools
import json
import os
import urllib.parse
from typing import Any, Final

import urllib3

from taxiway.config.clusters import Kubeflow
from taxiway.errors import TaxiwayError

TRANSIENT: Final = frozenset({408, 429, 500, 502, 503, 504})
ENDPOINT: Final = "kubeflow.endpoint"
CA_ENV: Final = "SSL_CERT_FILE"


class ServerError(TaxiwayError):
    """The server refused, or could not be reached.

    Args:
      status: the HTTP status; 0 where there was no answer.
      transient: the same request may succeed a little later.
    """

    def __init__(self, message: str, *, edit: str = "", status: int = 0, transient: bool = False):
        super().__init__(message, edit=edit)
        self.status = status
        self.transient = transient

    def __reduce__(self) -> tuple[object, ...]:
        rebuild = functools.partial(
            type(self), edit=self.edit, status=self.status, transient=self.transient
        )
        return rebuild, (self.message,)


def refused(error: Any, kubeflow: Kubeflow) -> ServerError:
    """What an HTTP status means, in a few lines; the token is never part of them."""
    status = int(error.status or 0)
    detail = _message(error.body)
    token = os.environ.get(kubeflow.token_env, "").strip()
    if token:
        detail = detail.replace(token, "<token>")
    if 300 <= status < 400:
        return _redirected(kubeflow, (error.headers or {}).get("Location", ""), status)
    if status in (401, 403) and not detail:
        detail = "no reason given"
    if status == 401:
        return ServerError(
            f"{kubeflow.endpoint} does not know you (401): {detail}\n{_token_advice(kubeflow)}",
            edit=f"the environment variable {kubeflow.token_env} (kubeflow.token_env)",
            status=status,
        )
    if status == 403:
        where = f" in namespace '{kubeflow.namespace}'" if kubeflow.namespace else ""
        return ServerError(
            f"{kubeflow.endpoint} does not allow this{where} (403): {detail}\nThe namespace may "
            f"not exist, or not be yours.\n{_token_advice(kubeflow)}",
            edit=f"kubeflow.namespace, or the environment variable {kubeflow.token_env}",
            status=status,
        )
    if status == 0:  # the generated client's word for a broken TLS connection
        return ServerError(_tls(kubeflow.endpoint, error.reason), edit=ENDPOINT)
    return ServerError(
        f"{kubeflow.endpoint} answered {status}: {detail or error.reason or 'no reason given'}",
        edit="kubeflow.namespace" if "namespace" in detail.lower() else "",
        status=status,
        transient=status in TRANSIENT,
    )


def unreachable(error: Exception, endpoint: str, seconds: tuple[float, float]) -> ServerError:
    """What a request without an answer means."""
    cause = getattr(error, "reason", None)
    cause = cause if isinstance(cause, Exception) else error
    if isinstance(cause, urllib3.exceptions.SSLError):
        return ServerError(_tls(endpoint, cause), edit=f"{ENDPOINT}, or {CA_ENV}")
    text = str(cause)
    if "refused" in text:
        why = "the connection was refused; is the port-forward running?"
    elif any(
        word in text for word in ("Name or service", "getaddrinfo", "name resolution", "No address")
    ):
        why = "no such host is known"
    elif isinstance(cause, urllib3.exceptions.TimeoutError):
        why = f"no answer within {seconds[0]} s to connect and {seconds[1]} s to read"
    else:
        why = text.rpartition(">: ")[2] or type(cause).__name__
    return ServerError(f"cannot reach {endpoint}: {why}", edit=ENDPOINT, transient=True)


def _tls(endpoint: str, cause: object) -> str:
    return (
        f"{endpoint} has no TLS connection that can be trusted: {cause}\nWhere its certificate is "
        f"of your own authority, name the authority's file in the environment variable {CA_ENV}; "
        "where it has none, the address starts with http://"
    )


def _redirected(kubeflow: Kubeflow, location: str, status: int) -> ServerError:
    target = urllib.parse.urlsplit(location)._replace(query="", fragment="").geturl()
    return ServerError(
        f"{kubeflow.endpoint} sends elsewhere ({status}), to {target or 'an unknown place'}: "
        f"expected the API itself; a login page is in front of it, or its address has moved\n"
        f"{_token_advice(kubeflow)}",
        edit=f"{ENDPOINT}, or the environment variable {kubeflow.token_env}",
        status=status,
    )


def no_json(kubeflow: Kubeflow, body: bytes) -> ServerError:
    """What an answer means that is none of the API's."""
    page = b"<html" in body[:2000].lower() or b"<!doctype" in body[:2000].lower()
    what = "a web page, such as a login (Dex, OIDC, IAP)" if page else "something that is no JSON"
    return ServerError(
        f"{kubeflow.endpoint} answered with {what}: expected the API of Kubeflow Pipelines\n"
        f"{_token_advice(kubeflow)}",
        edit=f"{ENDPOINT}, or the environment variable {kubeflow.token_env}",
        status=200,
    )


def _token_advice(kubeflow: Kubeflow) -> str:
    """Whether a token was sent, and how to make one."""
    name = kubeflow.token_env
    sent = (
        f"A token was sent, from {name}; it may be expired or made for another audience."
        if os.environ.get(name, "").strip()
        else f"No token was sent: {name} is not set."
    )
    return (
        f"{sent} To make one: export {name}=$(kubectl create token default-editor "
        f"-n {kubeflow.namespace or '<namespace>'} --audience=pipelines.kubeflow.org)"
    )


def _message(body: Any) -> str:
    """The server's own words, whichever of its four shapes they come in."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")
    try:
        parsed = json.loads(text)
    except ValueError:
        return "" if "<" in text else " ".join(text.split())[:500]
    if not isinstance(parsed, dict):
        return ""
    for key in ("message", "error_message", "error"):
        if isinstance(parsed.get(key), str) and parsed[key]:
            return " ".join(parsed[key].split())[:500]
    return ""
