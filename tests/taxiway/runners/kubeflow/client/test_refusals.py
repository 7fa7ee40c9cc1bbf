"""What users are told where the server, the network or the address says no."""

from __future__ import annotations

import re
import socket

import pytest

from taxiway.config.loader import load_config
from taxiway.errors import ConfigError, TaxiwayError
from taxiway.runners.kubeflow.client import connection as kubeflow_client
from taxiway.runners.kubeflow.client.connection import connect
from taxiway.runners.kubeflow.client.errors import ServerError
from tests.conftest import TINY
from tests.taxiway.runners.kubeflow.client.conftest import (
    DENIED,
    LOGIN,
    TOKEN,
    always,
    config_for,
    on,
    submitted,
)
from tests.taxiway.runners.kubeflow.client.kfp_server import Answer, Kfp, Rule, problem, serving

# What the server does, how the installation is told of, and what must be said: exit code 1.
REFUSALS: dict[str, tuple[Rule, tuple[str, ...], str]] = {
    "a login page": (
        always(LOGIN),
        ("a web page, such as a login", "No token was sent: KUBEFLOW_TOKEN is not set"),
        "kubeflow.endpoint, or the environment variable KUBEFLOW_TOKEN",
    ),
    "a redirect to a login": (
        always(Answer(302, "", {"Location": "https://dex.example.com/auth?state=secret"})),
        ("sends elsewhere (302), to https://dex.example.com/auth:", "a login page"),
        "kubeflow.endpoint",
    ),
    "401": (
        always(Answer(401, {"error": "no user identity header", "code": 16})),
        (
            "does not know you (401): no user identity header",
            "kubectl create token default-editor -n <namespace> --audience=pipelines.kubeflow.org",
        ),
        "the environment variable KUBEFLOW_TOKEN (kubeflow.token_env)",
    ),
    "403": (
        on("GET", "/pipelines", DENIED),
        ("does not allow this (403): User 'me' is not authorized", "The namespace may not exist"),
        "kubeflow.namespace, or the environment variable KUBEFLOW_TOKEN",
    ),
    "another service": (
        always(problem(404, 5, "Not Found")),
        ("has no /apis/v2beta1/healthz", "its path is /pipeline"),
        "kubeflow.endpoint",
    ),
    "version 1": (
        lambda call: (
            Answer(200, {"apiServerReady": True})
            if call.path == "/apis/v1beta1/healthz"
            else problem(404, 5, "Not Found")
        ),
        ("is Kubeflow Pipelines 1, with the API v1beta1 only: expected version 2.4.1",),
        "kubeflow.endpoint, or upgrade",
    ),
    "an upload that fails": (
        on(
            "POST",
            "/pipelines/upload",
            Answer(400, {"error_message": "Failed to create a pipeline", "error_details": "..."}),
        ),
        ("answered 400: Failed to create a pipeline",),
        "",
    ),
    "a server in trouble": (
        on("POST", "/runs", Answer(500, "upstream connect error", {"Content-Type": "text/plain"})),
        ("answered 500: upstream connect error",),
        "",
    ),
}


class TestRefusals:
    @pytest.mark.parametrize("name", REFUSALS)
    def test_what_the_server_refuses_is_explained(self, kfp: Kfp, name: str) -> None:
        rule, told, edit = REFUSALS[name]
        kfp.rules.append(rule)
        with pytest.raises(ServerError) as error:
            submitted(kfp)
        for part in (*told, kfp.url):
            assert part in error.value.message
        assert error.value.edit.startswith(edit)
        assert error.value.exit_code == 1
        assert len(kfp.calls) < 9  # and it does not try again and again

    def test_the_token_is_never_told(
        self, kfp: Kfp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("KUBEFLOW_TOKEN", TOKEN)
        kfp.rules.append(always(Answer(401, {"error": f"invalid bearer token {TOKEN}"})))
        with pytest.raises(ServerError) as error:
            submitted(kfp)
        assert "A token was sent, from KUBEFLOW_TOKEN" in error.value.message
        assert "invalid bearer token <token>" in error.value.message
        assert TOKEN not in str(error.value) + caplog.text

    def test_the_advice_names_the_namespace(self) -> None:
        with serving(Kfp(multi_user=True)) as kfp:
            kfp.rules.append(on("GET", "/pipelines", DENIED))
            with pytest.raises(ServerError, match="create token default-editor -n team ") as error:
                submitted(kfp, None, "kubeflow.namespace=team")
        assert "in namespace 'team' (403)" in error.value.message

    @pytest.mark.parametrize("key", ["tag_name", "apiServerTagName"])
    @pytest.mark.parametrize(
        "version", ["2.0.0", "2.0.0-alpha.7", "2.3.0", "2.4.0", "v2.4.0", "1.8"]
    )
    def test_a_server_that_is_too_old_is_refused(self, key: str, version: str) -> None:
        with serving(Kfp(version=(key, version))) as kfp:
            with pytest.raises(ServerError) as error:
                submitted(kfp)
            assert str(error.value) == (
                f"{kfp.url} is Kubeflow Pipelines {version}: expected 2.4.1 or newer, since older "
                "ones tell a failed run as one that succeeded, and retry nothing\n"
                "  edit: kubeflow.endpoint, or upgrade Kubeflow Pipelines"
            )
            assert [str(call) for call in kfp.calls] == ["GET /apis/v2beta1/healthz"]

    @pytest.mark.parametrize(
        ("told", "version"),
        [
            ("2.4.1", "2.4.1"),
            ("2.10.0", "2.10.0"),
            ("v2.17.0-rc.1", "2.17.0"),
            ("3.0.0", "3.0.0"),
            ("unknown", ""),
            ("master-c0ffee", ""),
            ("", ""),
        ],
    )
    def test_one_that_is_new_enough_or_tells_no_number_is_taken(
        self, told: str, version: str
    ) -> None:
        with serving(Kfp(version=("tag_name", told))) as kfp:
            assert connect(config_for(kfp).kubeflow).server_version == version

    def test_a_multi_user_installation_wants_a_namespace(self) -> None:
        with serving(Kfp(multi_user=True)) as kfp, pytest.raises(ConfigError) as error:
            submitted(kfp)
        assert "is a multi-user installation, and kubeflow.namespace is empty" in str(error.value)
        assert error.value.edit == "kubeflow.namespace"

    def test_a_single_user_installation_wants_none(self, kfp: Kfp) -> None:
        with pytest.raises(ConfigError, match="is a single-user installation") as error:
            submitted(kfp, None, "kubeflow.namespace=team")
        assert error.value.edit == "kubeflow.namespace"

    @pytest.mark.parametrize(
        ("endpoint", "told"),
        [
            ("", "kubeflow.endpoint is empty"),
            ("localhost:8080", "'localhost:8080' is no address: expected http:// or https://"),
            ("kubeflow.example.com", "is no address"),
            ("http://", "is no address"),
            ("http://host:port", "is no address"),
            ("http://[host", "is no address"),
            ("ftp://host", "is no address"),
            ("http://host/pipeline/#/experiments", "is the address of a page"),
            ("http://me:secret@host", "holds a user or a password for host"),
        ],
    )
    def test_an_endpoint_that_is_no_address_is_refused(self, endpoint: str, told: str) -> None:
        config = load_config([TINY, "kubeflow"], [f"kubeflow.endpoint='{endpoint}'"])
        with pytest.raises(ConfigError, match=re.escape(told)) as error:
            connect(config.kubeflow)
        assert error.value.edit.startswith("kubeflow.endpoint")
        assert "secret" not in str(error.value)

    def test_a_closed_port_and_an_unknown_host_are_told_apart(self) -> None:
        def reason(endpoint: str) -> ServerError:
            kubeflow = load_config([TINY, "kubeflow"], [f"kubeflow.endpoint={endpoint}"]).kubeflow
            with pytest.raises(ServerError) as error:
                connect(kubeflow)
            assert (error.value.edit, error.value.transient) == ("kubeflow.endpoint", True)
            return error.value

        closed = socket.create_server(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        closed.close()
        assert "the connection was refused" in reason(f"http://127.0.0.1:{port}").message
        assert "no such host is known" in reason("http://no.such.host.invalid").message

    def test_a_silent_server_is_not_waited_for_for_ever(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(kubeflow_client, "READ_SECONDS", 0.2)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            kubeflow = load_config(
                [TINY, "kubeflow"],
                [f"kubeflow.endpoint=http://127.0.0.1:{silent.getsockname()[1]}"],
            ).kubeflow
            with pytest.raises(ServerError, match=r"no answer within 10 s to connect and 0\.2 s"):
                connect(kubeflow)

    def test_a_server_without_tls_says_so(self, kfp: Kfp) -> None:
        endpoint = kfp.url.replace("http", "https")
        kubeflow = load_config([TINY, "kubeflow"], [f"kubeflow.endpoint={endpoint}"]).kubeflow
        with pytest.raises(ServerError, match="no TLS connection that can be trusted") as error:
            connect(kubeflow)
        assert "SSL_CERT_FILE" in error.value.edit

    def test_an_error_of_the_client_itself_is_told_without_a_traceback(self, kfp: Kfp) -> None:
        submitted(kfp)
        twin = dict(next(iter(kfp.experiments.values())), experiment_id="twin")
        kfp.experiments["twin"] = twin
        with pytest.raises(TaxiwayError, match="Multiple experiments"):
            submitted(kfp)
