"""Who is let in, with a token or without, and that other sites come to nothing."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import pytest

from taxiway.config.ui import Ui as Section
from taxiway.errors import ConfigError
from taxiway.registry.auth.actor import Actor, Role
from taxiway.registry.auth.tokens import list_tokens, revoke_token
from taxiway.ui.people.sessions import Sessions
from tests.taxiway.serving.gateway.conftest import Token
from tests.taxiway.ui.conftest import Ui

FORM = {"content-type": "application/x-www-form-urlencoded"}
COOKIE = "taxiway-8090"


def proof(page: httpx.Response) -> str:
    found = re.search(r'name="proof" value="([0-9a-f]{64})"', page.text)
    assert found, page.text
    return found[1]


async def log_in(client: httpx.AsyncClient, token: str, after: str = "/runs") -> httpx.Response:
    page = await client.get("/login")
    fields = {"proof": proof(page), "token": token, "next": after}
    return await client.post("/login", data=fields)


class TestOnLoopback:
    def test_anyone_of_this_machine_may_look_without_a_token(self, ui: Ui, token: Token) -> None:
        token()
        assert ui.ask("/runs").status_code == 200

    @pytest.mark.parametrize("host", ["example.org", "example.org:8090", "10.0.0.1", ""])
    def test_a_name_that_another_site_lets_mean_this_machine_is_refused(
        self, ui: Ui, host: str
    ) -> None:
        answer = ui.ask("/runs.json", headers={"host": host})
        assert (answer.status_code, "this machine only" in answer.json()["error"]) == (403, True)

    def test_a_token_that_is_not_good_is_refused_all_the_same(self, ui: Ui) -> None:
        assert ui.ask("/runs.json", token="taxiway_0").status_code == 401


class TestElsewhere:
    def test_it_does_not_start_before_there_is_a_token(self, open_ui: Ui, token: Token) -> None:
        with pytest.raises(ConfigError, match="the registry has none"):
            assert open_ui.app
        token()
        assert replace(open_ui).app

    def test_it_wants_a_certificate(self) -> None:
        with pytest.raises(ValueError, match="which others reach"):
            Section(host="0.0.0.0")

    def test_everything_takes_a_token(self, open_ui: Ui, token: Token) -> None:
        good = token("ben", Role.VIEWER)
        page = open_ui.ask("/runs?q=wind")
        assert (page.status_code, page.headers["location"]) == (
            303,
            "/login?next=%2Fruns%3Fq%3Dwind",
        )
        for path in ("/runs.json", "/openapi.json", "/nowhere.json"):
            refused = open_ui.ask(path)
            assert refused.status_code == (404 if "nowhere" in path else 401)
        sent = open_ui.ask("/models/a/1/approve", "POST", headers=FORM, content="")
        assert sent.headers["location"] == "/login?next=%2Fmodels%2Fa%2F1"
        assert open_ui.ask("/runs.json").headers["www-authenticate"] == "Bearer"
        assert open_ui.ask("/runs.json", token=good).status_code == 200
        for path in ("/login", "/style.css", "/healthz"):
            assert open_ui.ask(path).status_code == 200

    def test_a_browser_logs_in_and_out(self, open_ui: Ui, token: Token) -> None:
        good = token("ben", Role.VIEWER)

        async def body(client: httpx.AsyncClient) -> None:
            planted = (await client.get("/login")).cookies[COOKIE]
            done = await log_in(client, good)
            assert (done.status_code, done.headers["location"]) == (303, "/runs")
            cookie = done.headers["set-cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=strict" in cookie
            assert done.cookies[COOKIE] != planted  # a name that was there before is worth nothing
            page = await client.get("/runs")
            assert "ben, viewer" in page.text
            assert good not in page.text
            await client.post("/logout", data={"proof": proof(page)})
            assert (await client.get("/runs")).status_code == 303

        open_ui.visit(body)

    def test_a_wrong_token_is_told_and_lets_nobody_in(self, open_ui: Ui, token: Token) -> None:
        good = token()

        async def body(client: httpx.AsyncClient) -> None:
            for wrong in ("", "x", "ü", good[:-1] + ("a" if good[-1] != "a" else "b")):
                told = await log_in(client, wrong)
                assert told.status_code == 401
                assert "no token of this registry" in told.text
            assert (await client.get("/runs")).status_code == 303

        open_ui.visit(body)

    def test_a_token_that_is_revoked_ends_its_sessions_at_once(
        self, open_ui: Ui, token: Token
    ) -> None:
        good = token("ben", Role.VIEWER)

        async def body(client: httpx.AsyncClient) -> None:
            await log_in(client, good)
            assert (await client.get("/runs")).status_code == 200
            (admin, _) = list_tokens(open_ui.database)
            revoke_token(open_ui.database, Actor("ann", "token", Role.ADMIN, admin.id), "ben")
            assert (await client.get("/runs")).status_code == 303

        open_ui.visit(body)

    @pytest.mark.parametrize("after", ["//evil.org", "/\\evil.org", "https://evil.org", ""])
    def test_logging_in_leads_nowhere_else(self, open_ui: Ui, token: Token, after: str) -> None:
        good = token()

        async def body(client: httpx.AsyncClient) -> None:
            assert (await log_in(client, good, after)).headers["location"] == "/"

        open_ui.visit(body)


class TestOtherSites:
    def test_a_form_without_the_browsers_own_proof_is_refused(self, ui: Ui, token: Token) -> None:
        good = token()

        async def body(client: httpx.AsyncClient) -> None:
            other = Sessions(60).of("").proof
            mine = proof(await client.get("/login"))
            for wrong in ("", "ü", other):
                fields = {"proof": wrong, "token": good}
                assert (await client.post("/login", data=fields)).status_code == 403
            client.cookies.clear()
            fields = {"proof": mine, "token": good}
            assert (await client.post("/login", data=fields)).status_code == 403

        ui.visit(body)

    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "https://evil.org"},
            {"origin": "null"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"content-type": "text/plain"},
        ],
    )
    def test_what_comes_from_another_page_is_refused(self, ui: Ui, headers: dict[str, str]) -> None:
        answer = ui.ask("/logout", "POST", headers={**FORM, **headers}, content="proof=x")
        assert answer.status_code in (400, 403)
        assert "proof" not in answer.text

    def test_a_link_that_is_followed_there_is_asked_for_again_with_the_cookie(
        self, open_ui: Ui, token: Token
    ) -> None:
        good = token()
        followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}

        async def body(client: httpx.AsyncClient) -> None:
            await log_in(client, good)
            kept = client.cookies[COOKIE]
            client.cookies.clear()  # as browsers do, since it is strict
            again = await client.get("/runs", headers=followed)
            assert 'http-equiv="refresh"' in again.text
            assert "set-cookie" not in again.headers  # which would end the session
            client.cookies.set(COOKIE, kept)
            assert (await client.get("/runs")).status_code == 200

        open_ui.visit(body)


def test_a_session_ends_after_its_time() -> None:
    now = [0.0]
    sessions = Sessions(60, lambda: now[0])
    ben = Actor("ben", "token", Role.VIEWER, "x")
    name = sessions.log_in(ben).name
    now[0] = 59.0
    assert sessions.of(name).actor == ben
    now[0] = 60.0
    assert sessions.of(name).actor is None
    assert not sessions.of(name).is_new  # its browser has the cookie still


@pytest.mark.parametrize("name", ["", "x", "a" * 42, "a" * 44, "ä" * 43])
def test_a_cookie_that_is_none_of_ours_is_replaced(name: str) -> None:
    found = Sessions(60).of(name)
    assert found.is_new
    assert found.name != name
