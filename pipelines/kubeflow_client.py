"""kfp.Client as a command line wants it: bounded in time, silent, and clear where it fails.

On its own it reads a namespace from ~/.config/kfp and writes one there, opens a browser to sign in,
takes an address and a login from the kube config, waits for ever on a silent server, follows a
redirect to a login page, and prints links.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import urllib.parse
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import kfp.client
import kfp_server_api
import urllib3
from kfp_server_api import rest

from configs.errors import ConfigError, TaxiwayError
from configs.schema import Kubeflow

CONNECT_SECONDS: Final = 10
READ_SECONDS: Final = 60
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


@dataclass(frozen=True)
class Connection:
    """A server that answers, and what was found out about it."""

    client: kfp.client.Client
    kubeflow: Kubeflow
    endpoint: str

    @property
    def namespace(self) -> str | None:
        """The profile namespace, or None on a single-user installation."""
        return self.kubeflow.namespace or None

    def link(self, kind: str, *ids: str) -> str:
        """The page of a `runs`, `recurringrun` or `pipelines` entry in the UI."""
        return f"{self.endpoint}/#/{kind}/details/{'/'.join(ids)}"


def connect(kubeflow: Kubeflow) -> Connection:
    """Opens the API and checks that it is one that can be worked with.

    Raises:
      ConfigError: no endpoint or none that could be one; a namespace is missing or too many.
      ServerError: it cannot be reached, is no Kubeflow Pipelines 2, or wants another login.
    """
    endpoint = _checked_endpoint(kubeflow.endpoint)
    client = _Client(kubeflow, endpoint)
    _check_server(client, kubeflow, endpoint)
    return Connection(client, kubeflow, endpoint)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Swallows the links that kfp.Client prints, and turns its ValueErrors into ours."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ValueError as error:
        raise TaxiwayError(f"Kubeflow's client: {error}") from None


class _Rest(rest.RESTClientObject):  # type: ignore[misc]  # kfp ships no types
    """Requests that end in time, go nowhere else, and fail as ServerError."""

    def __init__(self, configuration: Any, kubeflow: Kubeflow) -> None:
        configuration.retries = urllib3.Retry(total=1, read=0, redirect=0)
        super().__init__(configuration)
        self.pool_manager.request = functools.partial(self.pool_manager.request, redirect=False)
        self._kubeflow = kubeflow

    def request(self, method: str, url: str, **options: Any) -> Any:
        """As the parent's, with the answer looked at before anyone parses it."""
        options["_request_timeout"] = (CONNECT_SECONDS, READ_SECONDS)
        try:
            response = super().request(method, url, **options)
        except kfp_server_api.ApiException as error:
            raise refused(error, self._kubeflow) from None
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(error, self._kubeflow.endpoint) from None
        try:
            json.loads(response.data or b"{}")
        except ValueError:
            raise _no_json(self._kubeflow, bytes(response.data)) from None
        return response


class _Client(kfp.client.Client):  # type: ignore[misc]
    """The client with nothing but the config's address, token and namespace."""

    def __init__(self, kubeflow: Kubeflow, endpoint: str) -> None:
        self._kubeflow = kubeflow
        self._ready = False
        with silent():
            super().__init__(host=endpoint)
        api_client = self._run_api.api_client  # the one that all services share
        api_client.rest_client = _Rest(api_client.configuration, kubeflow)
        self._ready = True

    def _load_config(self, host: str, *_: Any, **__: Any) -> Any:
        """No kube config, no in-cluster login, no browser."""
        configuration = kfp_server_api.Configuration()
        configuration.host = host
        configuration.ssl_ca_cert = os.environ.get(CA_ENV) or None
        token = os.environ.get(self._kubeflow.token_env, "").strip()
        if token:
            configuration.api_key["authorization"] = token
            configuration.api_key_prefix["authorization"] = "Bearer"
        return configuration

    def _load_context_setting_or_default(self) -> None:
        """No ~/.config/kfp/context.json."""
        self._context_setting = {"namespace": self._kubeflow.namespace}

    def get_kfp_healthz(self, sleep_duration: int = 0) -> Any:
        """The constructor's own question would be asked without a time limit, and five times."""
        if not self._ready:
            return kfp_server_api.V2beta1GetHealthzResponse(multi_user=False)
        return super().get_kfp_healthz(sleep_duration)

    def answers(self, path: str) -> bool:
        """Whether the server knows a path that is none of the client's."""
        api_client = self._run_api.api_client
        headers: dict[str, str] = {}
        api_client.update_params_for_auth(headers, [], ["Bearer"])
        try:
            with silent():
                address = f"{api_client.configuration.host}{path}"
                api_client.rest_client.GET(address, headers=headers)
        except ServerError:
            return False
        return True


def _checked_endpoint(endpoint: str) -> str:
    if not endpoint:
        raise ConfigError(
            "kubeflow.endpoint is empty: expected the address of Kubeflow Pipelines, such as "
            "http://localhost:8080 after `kubectl port-forward --namespace kubeflow "
            "service/ml-pipeline-ui 8080:80`",
            edit=f"{ENDPOINT}, or --config kubeflow",
        )
    try:
        parts = urllib.parse.urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            f"kubeflow.endpoint '{endpoint}' is no address: expected http:// or https://, a host, "
            "and where needed a port and a path, such as https://kubeflow.example.com/pipeline",
            edit=ENDPOINT,
        )
    if parts.username or parts.password:
        raise ConfigError(
            f"kubeflow.endpoint holds a user or a password for {parts.hostname}: expected an "
            "address only, and a token in the environment variable of kubeflow.token_env",
            edit=ENDPOINT,
        )
    if parts.query or parts.fragment:
        raise ConfigError(
            f"kubeflow.endpoint '{endpoint}' is the address of a page: expected it without what "
            "follows ? or #",
            edit=ENDPOINT,
        )
    return endpoint.rstrip("/")


def _check_server(client: _Client, kubeflow: Kubeflow, endpoint: str) -> None:
    try:
        with silent():
            multi_user = client.get_kfp_healthz().multi_user is True
    except ServerError as error:
        if error.status != 404:
            raise
        raise _not_version_2(client, endpoint) from None
    if multi_user and not kubeflow.namespace:
        raise ConfigError(
            f"{endpoint} is a multi-user installation, and kubeflow.namespace is empty: expected "
            "the namespace of your profile (`kubectl get profiles`)",
            edit="kubeflow.namespace",
        )
    if not multi_user and kubeflow.namespace:
        raise ConfigError(
            f"kubeflow.namespace is '{kubeflow.namespace}', but {endpoint} is a single-user "
            "installation, which knows none: expected it to be empty",
            edit="kubeflow.namespace",
        )


def _not_version_2(client: _Client, endpoint: str) -> ServerError:
    if client.answers("/apis/v1beta1/healthz"):
        return ServerError(
            f"{endpoint} is Kubeflow Pipelines 1, with the API v1beta1 only: expected version 2.0 "
            "or newer",
            edit=f"{ENDPOINT}, or upgrade Kubeflow Pipelines",
            status=404,
        )
    return ServerError(
        f"{endpoint} answers, but has no /apis/v2beta1/healthz: expected the API of Kubeflow "
        "Pipelines; behind Kubeflow's dashboard its path is /pipeline",
        edit=ENDPOINT,
        status=404,
    )


def refused(error: Any, kubeflow: Kubeflow) -> ServerError:
    """What an HTTP status means, in a few lines; the token is never part of them."""
    status = int(error.status or 0)
    told = _message(error.body)
    token = os.environ.get(kubeflow.token_env, "").strip()
    if token:
        told = told.replace(token, "<token>")
    if 300 <= status < 400:
        return _redirected(kubeflow, (error.headers or {}).get("Location", ""), status)
    if status in (401, 403) and not told:
        told = "no reason given"
    if status == 401:
        return ServerError(
            f"{kubeflow.endpoint} does not know you (401): {told}\n{_token_advice(kubeflow)}",
            edit=f"the environment variable {kubeflow.token_env} (kubeflow.token_env)",
            status=status,
        )
    if status == 403:
        where = f" in namespace '{kubeflow.namespace}'" if kubeflow.namespace else ""
        return ServerError(
            f"{kubeflow.endpoint} does not allow this{where} (403): {told}\nThe namespace may not "
            f"exist, or not be yours.\n{_token_advice(kubeflow)}",
            edit=f"kubeflow.namespace, or the environment variable {kubeflow.token_env}",
            status=status,
        )
    if status == 0:  # the generated client's word for a broken TLS connection
        return ServerError(_tls(kubeflow.endpoint, error.reason), edit=ENDPOINT)
    return ServerError(
        f"{kubeflow.endpoint} answered {status}: {told or error.reason or 'no reason given'}",
        edit="kubeflow.namespace" if "namespace" in told.lower() else "",
        status=status,
        transient=status in TRANSIENT,
    )


def unreachable(error: Exception, endpoint: str) -> ServerError:
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
        why = f"no answer within {CONNECT_SECONDS} s to connect and {READ_SECONDS} s to read"
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


def _no_json(kubeflow: Kubeflow, body: bytes) -> ServerError:
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
