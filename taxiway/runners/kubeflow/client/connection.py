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
import re
import urllib.parse
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import kfp.client
import kfp_server_api
import urllib3
from kfp_server_api import rest

from taxiway.config.clusters import Kubeflow
from taxiway.errors import ConfigError, TaxiwayError
from taxiway.runners.kubeflow.client.errors import (
    CA_ENV,
    ENDPOINT,
    ServerError,
    no_json,
    refused,
    unreachable,
)

CONNECT_SECONDS: Final = 10
READ_SECONDS: Final = 60
OLDEST: Final = (2, 4, 1)
"""Of Kubeflow Pipelines: before 2.4.0 a run with an exit task succeeded whatever had failed in it,
and before 2.4.1 retries were ignored."""
OLDEST_WORDS: Final = ".".join(map(str, OLDEST))


@dataclass(frozen=True)
class Connection:
    """A server that answers, and what was found out about it."""

    client: kfp.client.Client
    kubeflow: Kubeflow
    endpoint: str
    server_version: str = ""
    """As the server tells it, such as `2.17.0`; empty where it tells none."""

    @property
    def namespace(self) -> str | None:
        """The profile namespace, or None on a single-user installation."""
        return self.kubeflow.namespace or None

    @property
    def server(self) -> str:
        """The version, in words for whoever submits."""
        return (
            self.server_version
            or f"of a version that it does not tell; expected {OLDEST_WORDS} or newer"
        )

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
    health = _health(client, endpoint)
    version = _checked_version(health, endpoint)
    _check_namespace(health.get("multi_user") is True, kubeflow, endpoint)
    return Connection(client, kubeflow, endpoint, version)


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
            seconds = (CONNECT_SECONDS, READ_SECONDS)
            raise unreachable(error, self._kubeflow.endpoint, seconds) from None
        try:
            json.loads(response.data or b"{}")
        except ValueError:
            raise no_json(self._kubeflow, bytes(response.data)) from None
        return response


class _Client(kfp.client.Client):  # type: ignore[misc]  # as above
    """The client with nothing but the config's address, token and namespace."""

    def __init__(self, kubeflow: Kubeflow, endpoint: str) -> None:
        self._kubeflow = kubeflow
        with silent():
            super().__init__(host=endpoint)
        api_client = self._run_api.api_client  # the one that all services share
        api_client.rest_client = _Rest(api_client.configuration, kubeflow)

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
        """The constructor's question, which it asks without a time limit, and five times."""
        del sleep_duration
        return kfp_server_api.V2beta1GetHealthzResponse(multi_user=False)

    def ask(self, path: str) -> dict[str, Any]:
        """What the server answers at a path, for what the client leaves out or does not know."""
        api_client = self._run_api.api_client
        headers: dict[str, str] = {}
        api_client.update_params_for_auth(headers, [], ["Bearer"])
        address = f"{api_client.configuration.host}{path}"
        with silent():
            response = api_client.rest_client.GET(address, headers=headers)
        answer = json.loads(response.data or b"{}")
        return answer if isinstance(answer, dict) else {}


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


def _health(client: _Client, endpoint: str) -> dict[str, Any]:
    """What the API says of itself; kfp.Client passes on no more than whether it has many users."""
    try:
        return client.ask("/apis/v2beta1/healthz")
    except ServerError as error:
        if error.status != 404:
            raise
        raise _not_version_2(client, endpoint) from None


def _checked_version(health: Mapping[str, Any], endpoint: str) -> str:
    """The server's version; builds without a number, such as `dev` or a commit, pass.

    The API server calls it `tag_name`, the UI in front of it `apiServerTagName`.
    """
    told = str(health.get("tag_name") or health.get("apiServerTagName") or "")
    number = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", told)
    if number is None:
        return ""
    if tuple(int(part or 0) for part in number.groups()) < OLDEST:
        raise ServerError(
            f"{endpoint} is Kubeflow Pipelines {told[:40]}: expected {OLDEST_WORDS} or newer, "
            "since older ones tell a failed run as one that succeeded, and retry nothing",
            edit=f"{ENDPOINT}, or upgrade Kubeflow Pipelines",
        )
    return number[0].removeprefix("v")


def _check_namespace(multi_user: bool, kubeflow: Kubeflow, endpoint: str) -> None:
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
    version_1 = False
    with contextlib.suppress(ServerError):
        version_1 = bool(client.ask("/apis/v1beta1/healthz"))
    if version_1:
        return ServerError(
            f"{endpoint} is Kubeflow Pipelines 1, with the API v1beta1 only: expected version "
            f"{OLDEST_WORDS} or newer",
            edit=f"{ENDPOINT}, or upgrade Kubeflow Pipelines",
            status=404,
        )
    return ServerError(
        f"{endpoint} answers, but has no /apis/v2beta1/healthz: expected the API of Kubeflow "
        "Pipelines; behind Kubeflow's dashboard its path is /pipeline",
        edit=ENDPOINT,
        status=404,
    )
